package database

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Of returns the SQLSTATE that Postgres has given, or "" where it has given none:
// it did not answer, or the error is another one.
func SQLState(err error) string {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}
