package mvc_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/running"
	"videotutorials/mvc"
)

// The database appears after the server starts, disconnects it and returns.
func TestRun_DatabaseAway(t *testing.T) {
	t.Parallel()
	there := empty(t)
	u, err := url.Parse(there)
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "_later"
	a := run(t, u.String(), 3)
	running.Until(t, "the migration is retried", func() bool { return strings.Contains(a.log.String(), "retrying") })
	viewings := "/v1/videos/" + mvc.VideoID(1).String() + "/viewings"
	for _, path := range []string{"GET /v1/home", "POST " + viewings} {
		method, path, _ := strings.Cut(path, " ")
		if got := a.call(method, path, ""); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "may count it twice") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := a.call("GET", "/readyz", ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}
	if got := a.call("GET", "/healthz", ""); got.status != http.StatusOK {
		t.Errorf("/healthz: %d %s", got.status, got.body)
	}

	admin := &api{t: t, database: there}
	admin.execute(`create database "` + strings.TrimPrefix(u.Path, "/") + `"`)
	a.awaitReady()
	a.recordFirst(1)
	admin.execute(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '` + strings.TrimPrefix(u.Path, "/") + `'`)
	running.Until(t, "the server reconnects", func() bool { return a.record(mvc.VideoID(1).String()).status == http.StatusAccepted })
	if got := a.call("GET", "/metrics", ""); !strings.Contains(got.body, `mvc_requests_total{code="503",path="/v1/home"} 1`) {
		t.Errorf("the metrics are\n%s", got.body)
	}
}

func TestRun_NoPostgres(t *testing.T) {
	t.Parallel()
	a := run(t, "postgres://postgres@127.0.0.1:1/mvc", 3)
	for _, path := range []string{"/v1/home", "/readyz"} {
		if got := a.call("GET", path, ""); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// The server is not ready before the initial videos exist.
func TestRun_Ready(t *testing.T) {
	t.Parallel()
	before := start(t, 0)
	before.stop()
	conn := open(t, before.database, "begin; lock table videos in exclusive mode")
	again := run(t, before.database, 3)
	running.Until(t, "the insert of the videos waits", func() bool { return waits(t, conn) })
	if got := again.call("GET", "/readyz", ""); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "not migrated") {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}
	if _, err := conn.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	again.awaitReady()
	if page := again.home(""); page.VideosWatched != "3" {
		t.Errorf("%s viewings are counted, want 3", page.VideosWatched)
	}
}

// open returns a connection after executing the statements.
func open(t *testing.T, database, sql string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	return conn
}

// waits reports whether another session waits for a lock of the connection. It does not
// use pg_stat_activity, whose content does not change within a transaction.
func waits(t *testing.T, conn *pgx.Conn) (waiting bool) {
	t.Helper()
	const sql = "select exists (select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid)))"
	if err := conn.QueryRow(t.Context(), sql).Scan(&waiting); err != nil {
		t.Fatal(err)
	}
	return waiting
}

// Run finishes accepted requests before it returns.
func TestRun_Drains(t *testing.T) {
	t.Parallel()
	a := start(t, 3)
	conn := open(t, a.database, "begin; select from videos for update")
	answered := make(chan answer, 1)
	go func() { answered <- a.record(mvc.VideoID(1).String()) }()
	running.Until(t, "the viewing waits for its row", func() bool { return waits(t, conn) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.stop()
	}()
	// The drain has begun when connections are rejected.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for taken := true; taken; {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/healthz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if taken = err == nil; taken {
			_ = response.Body.Close()
		}
	}
	select {
	case got := <-answered:
		t.Errorf("answered before the viewing was counted: %d %s", got.status, got.body)
	case <-ended:
		t.Error("Run returned before the call")
	default:
	}
	if _, err := conn.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	if got := running.Receive(t, "the answer", answered); got.status != http.StatusAccepted {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
	running.Receive(t, "the end of Run", ended)
}

// Commits wait for the disk, although the test database has another default.
func TestOpen_Durable(t *testing.T) {
	t.Parallel()
	db, err := mvc.Open(t.Context(), empty(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for setting, want := range map[string]string{"synchronous_commit": "on", "statement_timeout": "20s"} {
		var got string
		if err := db.QueryRow(t.Context(), "show "+setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", setting, got, err, want)
		}
	}
	if _, err := mvc.Open(t.Context(), "postgres://%zz"); err == nil {
		t.Error("a malformed URL is accepted")
	}
}

func TestCheckVideos(t *testing.T) {
	t.Parallel()
	for n, good := range map[int]bool{-1: false, 0: true, 3: true, 100_000: true, 100_001: false} {
		if err := mvc.CheckVideos(n); (err == nil) != good {
			t.Errorf("%d: %v", n, err)
		}
	}
}
