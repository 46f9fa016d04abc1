package testdb_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestNew_OneDatabasePerTest(t *testing.T) {
	var migrated atomic.Int32
	migrate := func(ctx context.Context, url string) error {
		migrated.Add(1)
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "create table numbers (n bigint primary key)")
		return err
	}
	t.Run("Copies", func(t *testing.T) {
		for i := range 20 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				conn, err := pgx.Connect(t.Context(), testdb.New(t, "numbers", migrate))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close(t.Context())
				if _, err := conn.Exec(t.Context(), "insert into numbers values (1)"); err != nil {
					t.Errorf("the database has another test's row: %v", err)
				}
			})
		}
	})
	if n := migrated.Load(); n != 1 {
		t.Errorf("the template was created %d times, want once", n)
	}
	if n := databases(t); n != 1 {
		t.Errorf("%d databases are left, want only the template", n)
	}
}

func databases(t *testing.T) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), testdb.New(t, "other", func(context.Context, string) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	err = conn.QueryRow(t.Context(), "select count(*) from pg_database where datname like 'numbers%'").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
