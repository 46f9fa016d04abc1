package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// functionsVersion is the version of the files in the folder functions. Whoever
// changes one of them makes it one more.
const functionsVersion = 2

//go:embed functions/*.sql
var functionFiles embed.FS

// dropFunctions drops those of any version.
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

// errNewer says that waiting is of no use.
var errNewer = errors.New("the database has the functions of a newer server")

// replaceFunctions replaces the functions of an older version, in one
// transaction. It returns an error where they are of a newer one: that server
// speaks to the database in another way.
func replaceFunctions(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "select version from message_store.functions").Scan(&version); err != nil {
		return err
	}
	if version == functionsVersion {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after the commit there is nothing to roll back
	if err := tx.QueryRowContext(ctx, "select version from message_store.functions for update").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == functionsVersion: // another server was first
		return nil
	case version > functionsVersion:
		return fmt.Errorf("%w: version %d, this one has %d", errNewer, version, functionsVersion)
	}
	text, err := allFunctions()
	if err != nil {
		return err
	}
	for _, statements := range []string{dropFunctions, text} {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "update message_store.functions set version = $1", functionsVersion); err != nil {
		return err
	}
	return tx.Commit()
}

// allFunctions returns the files, one after the other.
func allFunctions() (string, error) {
	names, err := fs.Glob(functionFiles, "functions/*.sql")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, name := range names {
		text, err := functionFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		all.Write(text)
	}
	return all.String(), nil
}
