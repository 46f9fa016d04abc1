// Package database has what every package on Postgres shares: SQLSTATEs of
// errors and schema migrations.
package database
