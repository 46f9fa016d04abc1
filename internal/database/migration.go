package database

import (
	"context"
	"database/sql"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Run applies what is pending of the folder migrations in files, and records it
// in the table. Several may run at the same time. Where nothing is pending it
// only reads the table.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS, table string) error {
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	// Goose waits 5 s between its tries, a start need not: each second, 5 minutes.
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
