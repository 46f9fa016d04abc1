package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/testdb"
)

// sumOfFunctions is of the files at functionsVersion: a database that has that
// version keeps the functions it has.
const sumOfFunctions = "219b628dc4c9d68e"

func TestFunctions_Version(t *testing.T) {
	text, err := allFunctions()
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16]; sum != sumOfFunctions {
		t.Errorf("the functions have changed: make functionsVersion one more than it was last released, and sumOfFunctions %q", sum)
	}
}

// The functions of an older version are replaced, those of a newer one refused.
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
	if err := Migrate(t.Context(), url); err == nil {
		t.Error("the functions of a newer server are taken for ours")
	}
}
