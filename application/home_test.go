package application

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/viewdata"
)

func execute(t testing.TB, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestGetHome(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	for _, path := range []string{"/v1/home", "/v1/home?pageSize=1000&pageToken=", "/v1/home?page_size=0"} {
		got := a.call(t, "GET", path, "")
		if want := `{"videosWatched":"0","videos":[],"nextPageToken":""}`; got.status != http.StatusOK || compact(got.body) != want {
			t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
		}
	}
	execute(t, a.viewURL, `insert into pages values ('home', '{"videosWatched": 9007199254740993}')`)
	got := a.call(t, "GET", "/v1/home", "")
	if want := `{"videosWatched":"9007199254740993","videos":[],"nextPageToken":""}`; compact(got.body) != want {
		t.Errorf("%s, want %s", got.body, want)
	}
}

// compact removes spaces, which protojson adds at random.
func compact(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestGetHome_NotReady(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "empty", func(context.Context, string) error { return nil })
	a := start(t, Config{Store: teststore.New(t), ViewData: open(t, url)})
	for _, path := range []string{"/v1/home", "/readyz"} {
		if got := a.call(t, "GET", path, ""); got.status != http.StatusServiceUnavailable || !strings.Contains(strings.ToLower(got.body), "view data") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := a.call(t, "GET", "/healthz", ""); got.status != http.StatusOK {
		t.Errorf("/healthz: %d %s", got.status, got.body)
	}
	if got := a.record(t, aVideo); got.status != http.StatusAccepted {
		t.Errorf("a viewing: %d %s", got.status, got.body)
	}
	if got := a.register(t, nil, "email", anEmail, "password", aPassword); got.status != http.StatusAccepted {
		t.Errorf("a registration: %d %s", got.status, got.body)
	}
	if err := viewdata.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/home", "/readyz"} {
		if got := a.call(t, "GET", path, ""); got.status != http.StatusOK {
			t.Errorf("then %s: %d %s", path, got.status, got.body)
		}
	}
}
