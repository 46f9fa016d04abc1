package viewdata

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the tables and roles of View Data up to date and records it in
// the table migrations. Several may run at the same time. Where the schema is
// current it changes nothing, and either role is enough; else the URL's user
// must own the database and be allowed to create roles.
func Migrate(ctx context.Context, url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close() //nolint:errcheck // nothing is left to be lost

	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	// Goose waits 5 s between its tries, a start need not: each second, 5 minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName("migrations"), goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	pending, err := provider.HasPending(ctx)
	if err == nil && pending {
		_, err = provider.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	return nil
}
