// Package database has what all packages on Postgres share: migrations, waiting
// for a database, and the SQLSTATE of an error.
package database

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate applies the pending migrations of the folder migrations in files and
// records them in the table. Concurrent calls wait for each other. If nothing is
// pending, Migrate only reads the table.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS, table string) error {
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	// Every second for 5 minutes. Goose's default of 5 s would delay a start.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(table), goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err == nil && pending {
		_, err = provider.Up(ctx)
	}
	return err
}

// MigrateRetrying calls migrate until it returns nil, since a process may start
// before its database. It reports whether migrate succeeded before the context
// ended. Each failure is passed to notify with the backoff before the next
// attempt, which grows from 100 ms to 5 s.
func MigrateRetrying(ctx context.Context, notify backoff.Notify, migrate func(context.Context) error) bool {
	_, err := backoff.Retry(ctx, func() (any, error) { return nil, migrate(ctx) },
		backoff.WithBackOff(Backoff(100*time.Millisecond, 5*time.Second)),
		backoff.WithMaxElapsedTime(0), backoff.WithNotify(notify))
	return err == nil
}

// Backoff returns a backoff that doubles from first to last.
func Backoff(first, last time.Duration) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: first, MaxInterval: last, Multiplier: 2}
}

// SQLState returns the SQLSTATE of a Postgres error, or "" if Postgres did not
// answer or the error is not from Postgres.
func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
