package viewdata_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"videotutorials/internal/test/testdb"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func migrated(t *testing.T) string {
	t.Helper()
	return testdb.New(t, "view_data", viewdata.Migrate)
}

func empty(t *testing.T) string {
	t.Helper()
	return testdb.New(t, "empty", func(context.Context, string) error { return nil })
}

func open(t *testing.T, url, role string) *pgxpool.Pool {
	t.Helper()
	pool, err := viewdata.Open(t.Context(), url, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// openMigrated returns the URL of a migrated database, and a reader's pool.
func openMigrated(t *testing.T) (string, *pgxpool.Pool) {
	t.Helper()
	url := migrated(t)
	return url, open(t, url, viewdata.Reader)
}

func exec(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// tables returns the tables of View Data, without the one of the migrations.
func tables(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, _ := conn.Query(t.Context(), "select tablename::text from pg_tables where schemaname = 'public' and tablename <> 'migrations'")
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 2 {
		t.Fatalf("tables %q, %v", tables, err)
	}
	return tables
}

// as returns the URL with another user.
func as(t *testing.T, raw, user string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	return u.String()
}

func TestMigrate_SeveralAtOnce(t *testing.T) {
	t.Parallel()
	// With the table migrations in place they all start with the same migration.
	// Otherwise, they would already wait for each other to create that table.
	url := migrated(t)
	exec(t, url, "drop table "+strings.Join(tables(t, url), ", "), "drop function move_position", "delete from migrations where version_id > 0")
	var group errgroup.Group
	for range 4 {
		group.Go(func() error { return viewdata.Migrate(t.Context(), url) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	pool := open(t, url, viewdata.Writer)
	var twice int
	err := pool.QueryRow(t.Context(), "select count(*) - count(distinct version_id) from migrations").Scan(&twice)
	if err != nil || twice != 0 {
		t.Errorf("%d duplicate migrations, %v, want 0", twice, err)
	}
}

// TestMigrate_SeveralDatabases migrates databases of one cluster, which share the
// roles, at the same time.
func TestMigrate_SeveralDatabases(t *testing.T) {
	t.Parallel()
	var group errgroup.Group
	for range 4 {
		url := empty(t)
		group.Go(func() error { return viewdata.Migrate(t.Context(), url) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestMigrate_CurrentNeedsNoRights(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	for _, role := range []string{viewdata.Writer, viewdata.Reader} {
		if err := viewdata.Migrate(t.Context(), as(t, url, role)); err != nil {
			t.Errorf("as %s: %v", role, err)
		}
	}
}

// TestMigrate_NoSuperuser migrates as a managed Postgres allows it: as the owner of
// the database, with the right to create roles.
func TestMigrate_NoSuperuser(t *testing.T) {
	t.Parallel()
	url := empty(t)
	exec(t, url, "create role owner login createrole", "alter schema public owner to owner")
	if err := viewdata.Migrate(t.Context(), as(t, url, "owner")); err != nil {
		t.Error(err)
	}
	exec(t, url, "drop owned by owner cascade", "drop role owner")
}

func TestOpen_Rights(t *testing.T) {
	t.Parallel()
	const denied = "42501"
	url := migrated(t)
	for _, test := range []struct{ role, sql, code string }{
		{viewdata.Writer, "insert into pages values ('a', '{}')", ""},
		{viewdata.Writer, "update pages set page_data = '{}'", ""},
		{viewdata.Writer, "truncate pages, consumer_positions", ""},
		{viewdata.Writer, "create table other (n bigint)", denied},
		{viewdata.Writer, "drop table pages", denied},
		{viewdata.Writer, "insert into migrations (version_id, is_applied) values (99, true)", denied},
		{viewdata.Reader, "select from pages", ""},
		{viewdata.Reader, "select from consumer_positions", ""},
		{viewdata.Reader, "insert into pages values ('b', '{}')", denied},
		{viewdata.Reader, "update pages set page_data = '{}'", denied},
		{viewdata.Reader, "delete from pages", denied},
		{viewdata.Reader, "truncate pages", denied},
		{viewdata.Reader, "create table other (n bigint)", denied},
	} {
		for _, user := range []string{"", test.role} { // the superuser and the role itself
			u := url
			if user != "" {
				u = as(t, url, user)
			}
			_, err := open(t, u, test.role).Exec(t.Context(), "begin; "+test.sql+"; rollback")
			var refusal *pgconn.PgError
			errors.As(err, &refusal)
			if test.code == "" && err != nil || test.code != "" && (refusal == nil || refusal.Code != test.code) {
				t.Errorf("%s as %s: %v, want %q", test.sql, test.role, err, test.code)
			}
		}
	}
}

// TestOpen_RightsOnEveryTable asserts that the reader can only select from each
// table, and that the writer can also change the rows of each.
func TestOpen_RightsOnEveryTable(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, table := range tables(t, url) {
		for right, readerMay := range map[string]bool{
			"select": true, "insert": false, "update": false, "delete": false, "truncate": false, "references": false, "trigger": false,
		} {
			var reader, writer bool
			err := conn.QueryRow(t.Context(), "select has_table_privilege($1, $3, $4), has_table_privilege($2, $3, $4)",
				viewdata.Reader, viewdata.Writer, table, right).Scan(&reader, &writer)
			writerMay := right != "references" && right != "trigger"
			if err != nil || reader != readerMay || writer != writerMay {
				t.Errorf("%s of %s: reader %v, writer %v, %v, want %v, %v", right, table, reader, writer, err, readerMay, writerMay)
			}
		}
	}
}

func TestReadHomePage(t *testing.T) {
	t.Parallel()
	url, pool := openMigrated(t)
	read := func(want int64) {
		t.Helper()
		if got, err := viewdata.ReadHomePage(t.Context(), pool); err != nil || got.VideosWatched != want {
			t.Errorf("ReadHomePage = %+v, %v, want %d watched", got, err, want)
		}
	}
	read(0)
	exec(t, url, `insert into pages values ('home', '{}')`)
	read(0)
	exec(t, url, `update pages set page_data = '{"videosWatched": 9007199254740993, "lastViewProcessed": 1}'`)
	read(9007199254740993)
}

func TestReadHomePage_NotReady(t *testing.T) {
	t.Parallel()
	missing, err := url.Parse(empty(t))
	if err != nil {
		t.Fatal(err)
	}
	missing.Path = "/nowhere"
	for name, url := range map[string]string{
		"NoTables":   empty(t),
		"NoDatabase": missing.String(),
		"NoPostgres": "postgres://postgres@127.0.0.1:1/view_data",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := viewdata.ReadHomePage(t.Context(), open(t, url, viewdata.Reader))
			var notReady *viewdata.NotReadyError
			if !errors.As(err, &notReady) {
				t.Errorf("ReadHomePage = %v, want a *NotReadyError", err)
			}
		})
	}
	t.Run("Canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := viewdata.ReadHomePage(ctx, open(t, empty(t), viewdata.Reader))
		var notReady *viewdata.NotReadyError
		if !errors.Is(err, context.Canceled) || errors.As(err, &notReady) {
			t.Errorf("ReadHomePage = %v, want the context's error", err)
		}
	})
}
