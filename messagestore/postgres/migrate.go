package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

// functionsVersion is the version of the files in the folder functions. It MUST be
// incremented when one of them changes.
const functionsVersion = 3

var (
	//go:embed migrations/*.sql
	migrations embed.FS
	//go:embed functions/append.sql
	appendFunctions string
	//go:embed functions/lists.sql
	listFunctions string
	//go:embed functions/page.sql
	pageFunctions string
)

// dropFunctions drops the functions of any version.
const dropFunctions = `
do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid from pg_proc p
     where p.pronamespace = 'message_store'::regnamespace
       and p.proname in ('append', 'decide', 'conflict_of_ids', 'page', 'share', 'names', 'streams', 'categories', 'count_messages')
  loop
    execute 'drop function ' || f;
  end loop;
end
$$`

var errNewer = errors.New("the database has the functions of a newer server")

// Migrate applies the pending migrations of the schema message_store, records them
// in message_store.migrations, and replaces the functions of an older version.
// Concurrent calls wait for each other. If the schema is current, Migrate changes
// nothing and the role messagestore_server is sufficient; otherwise the user of the
// URL must be allowed to create roles and schemas.
//
// It returns a *messagestore.UnavailableError while Postgres is away, and another
// error if a newer server has migrated the database.
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
	case !errors.Is(err, errNewer) && temporary(err):
		return &messagestore.UnavailableError{Reason: "Postgres is away", Cause: err}
	}
	return fmt.Errorf("migrate the message store: %w", err)
}

func migrate(ctx context.Context, config *pgx.ConnConfig) error {
	db := stdlib.OpenDB(*config)
	defer db.Close() //nolint:errcheck // everything is committed

	// The table of migrations is in the schema, which therefore must exist before
	// the first migration.
	var exists bool
	err := db.QueryRowContext(ctx, "select exists (select from pg_namespace where nspname = 'message_store')").Scan(&exists)
	if err == nil && !exists {
		_, err = db.ExecContext(ctx, "create schema if not exists message_store")
		if database.SQLState(err) == uniqueViolation { // a concurrent call created it
			err = nil
		}
	}
	if err == nil {
		err = database.Migrate(ctx, db, migrations, "message_store.migrations")
	}
	if err != nil {
		return err
	}
	return replaceFunctions(ctx, db)
}

// replaceFunctions replaces the functions of an older version in one transaction.
// It returns errNewer if they are of a newer version, whose callers use the
// database differently.
func replaceFunctions(ctx context.Context, db *sql.DB) error {
	const query = "select version from message_store.functions"
	var version int
	if err := db.QueryRowContext(ctx, query).Scan(&version); err != nil || version == functionsVersion {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after the commit
	if err := tx.QueryRowContext(ctx, query+" for update").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == functionsVersion: // a concurrent call replaced them
		return nil
	case version > functionsVersion:
		return fmt.Errorf("%w: version %d, this server has %d", errNewer, version, functionsVersion)
	}
	update := fmt.Sprintf("update message_store.functions set version = %d", functionsVersion)
	for _, statements := range []string{dropFunctions, appendFunctions, listFunctions, pageFunctions, update} {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return err
		}
	}
	return tx.Commit()
}
