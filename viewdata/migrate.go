package viewdata

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
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

	if err := database.Migrate(ctx, db, migrations, "migrations"); err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	return nil
}
