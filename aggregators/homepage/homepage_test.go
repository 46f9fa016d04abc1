package homepage_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/aggregators/homepage"
	"videotutorials/internal/test/testdb"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestInit starts twice: the second start leaves the row alone, and the reader
// sees what the aggregator writes.
func TestInit(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "view_data", viewdata.Migrate)
	writer, reader := open(t, url, viewdata.Writer), open(t, url, viewdata.Reader)
	a := homepage.Aggregator()
	for _, sql := range []string{
		a.Init,
		`update pages set page_data = '{"videosWatched": 7, "lastViewProcessed": 9}' where page_name = 'home'`,
		a.Init,
	} {
		if _, err := writer.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if home, err := viewdata.ReadHomePage(t.Context(), reader); err != nil || home.VideosWatched != 7 {
		t.Errorf("home page %+v, %v, want 7 watched", home, err)
	}
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
