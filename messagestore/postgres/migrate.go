package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema message_store up to date and records it in
// message_store.migrations. Several may run at the same time. Where the schema is
// current it changes nothing, and the role messagestore_server is enough; else the
// URL's user must be allowed to create roles and schemas.
//
// It returns an *messagestore.UnavailableError while Postgres is away, and an error
// where a newer server has migrated the database.
func Migrate(ctx context.Context, url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("migrate the message store: %w", err)
	}
	err = migrate(ctx, config)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, errNewer) && passing(err):
		return &messagestore.UnavailableError{Reason: "Postgres is away", Cause: err}
	}
	return fmt.Errorf("migrate the message store: %w", err)
}

func migrate(ctx context.Context, config *pgx.ConnConfig) error {
	db := stdlib.OpenDB(*config)
	defer db.Close() //nolint:errcheck // nothing is left to be lost

	// The table that records the migrations lies in the schema, so the schema
	// comes before the first of them.
	var exists bool
	err := db.QueryRowContext(ctx, "select exists (select from pg_namespace where nspname = 'message_store')").Scan(&exists)
	if err == nil && !exists {
		_, err = db.ExecContext(ctx, "create schema if not exists message_store")
		if database.SQLState(err) == uniqueViolation { // another migrator was first
			err = nil
		}
	}
	if err != nil {
		return err
	}

	if err := database.Migrate(ctx, db, migrations, "message_store.migrations"); err != nil {
		return err
	}
	return replaceFunctions(ctx, db)
}
