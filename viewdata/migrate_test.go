package viewdata_test

import (
	"fmt"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
	"videotutorials/viewdata"
)

// TestMigrate_ResetsAggregators migrates a database with rows from before the views
// of videos. The aggregators whose rows have another meaning now start again, the
// others continue.
func TestMigrate_ResetsAggregators(t *testing.T) {
	t.Parallel()
	url := empty(t)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close() //nolint:errcheck // there are no pending changes
	if err := database.Migrate(t.Context(), db, first(t, 10), "migrations"); err != nil {
		t.Fatal(err)
	}
	exec(t, url,
		`insert into pages values ('home', '{"videosWatched": 3}')`,
		`insert into registrations values ('`+trace+`', '`+ada+`', true, null, null)`,
		`insert into ended_sessions values ('`+trace+`', null, now())`,
		`insert into consumer_positions values ('aggregators:home-page', 9), ('aggregators:registrations', 9), ('aggregators:sessions', 9)`)
	if err := viewdata.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var left string
	err = db.QueryRowContext(t.Context(), `select concat_ws(' ', (select count(*) from pages), (select count(*) from registrations),
		(select count(*) from ended_sessions), (select string_agg(consumer_id, ' ') from consumer_positions))`).Scan(&left)
	if err != nil || left != "0 0 1 aggregators:sessions" {
		t.Errorf("remaining rows and positions %q, %v", left, err)
	}
}

// first returns the first n migrations.
func first(t *testing.T, n int) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	folder := os.DirFS(".")
	for i := range n {
		names, err := fs.Glob(folder, fmt.Sprintf("migrations/%05d_*.sql", i+1))
		if err != nil || len(names) != 1 {
			t.Fatalf("migration %d: %q, %v", i+1, names, err)
		}
		text, err := fs.ReadFile(folder, names[0])
		if err != nil {
			t.Fatal(err)
		}
		files[names[0]] = &fstest.MapFile{Data: text}
	}
	return files
}
