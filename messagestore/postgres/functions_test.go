package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
)

// sumOfFunctions is the checksum of the files at functionsVersion. A database with that
// version keeps its functions.
const sumOfFunctions = "433bf72720237d10"

func TestFunctions_Version(t *testing.T) {
	text := appendFunctions + listFunctions + pageFunctions
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16]; sum != sumOfFunctions {
		t.Errorf("the functions have changed: increment functionsVersion, and set sumOfFunctions to %q", sum)
	}
}

// TestMigrate_Functions checks that functions of an older version are replaced, and that
// those of a newer version are an error.
func TestMigrate_Functions(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", Migrate)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the database is dropped
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`
		update message_store.functions set version = 0;
		drop function message_store.append;
		create function message_store.append(text) returns text language sql as 'select $1'`)
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var arguments, version int
	err = conn.QueryRow(t.Context(), `
		select (select pronargs from pg_proc where proname = 'append' and pronamespace = 'message_store'::regnamespace),
		       (select version from message_store.functions)`).Scan(&arguments, &version)
	if err != nil || arguments != 21 || version != functionsVersion {
		t.Errorf("append has %d arguments, the version is %d: %v", arguments, version, err)
	}
	exec("update message_store.functions set version = 1000")
	// Not an UnavailableError, after which a server would retry forever.
	var away *messagestore.UnavailableError
	if err := Migrate(t.Context(), url); err == nil || errors.As(err, &away) {
		t.Errorf("the functions of a newer server: %v", err)
	}
}

// TestMigrate_Away checks that an unreachable Postgres is an UnavailableError, and a
// missing database is not.
func TestMigrate_Away(t *testing.T) {
	t.Parallel()
	var away *messagestore.UnavailableError
	if err := Migrate(t.Context(), "postgres://127.0.0.1:1/message_store"); !errors.As(err, &away) {
		t.Errorf("migrate without a Postgres: %v", err)
	}
	url := testdb.New(t, "message_store", Migrate)
	if err := Migrate(t.Context(), url+"_that_is_not"); err == nil || errors.As(err, &away) {
		t.Errorf("migrate a database that does not exist: %v", err)
	}
}
