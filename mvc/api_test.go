package mvc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/mvc"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// An api is a running Server.
type api struct {
	t        *testing.T
	url      string
	database string
	log      *buffer
	client   *http.Client
	stop     func() // ends the Server and waits for it
}

// start runs a Server on a new database with the initial videos, and returns when it is
// ready.
func start(t *testing.T, videos int) *api {
	t.Helper()
	a := run(t, empty(t), videos)
	a.awaitReady()
	return a
}

func empty(t *testing.T) string {
	t.Helper()
	return testdb.New(t, "empty", func(context.Context, string) error { return nil })
}

// run runs a Server on the database until the end of the test.
func run(t *testing.T, database string, videos int) *api {
	t.Helper()
	a := &api{t: t, database: database, log: &buffer{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	db, err := mvc.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.url = "http://" + listener.Addr().String()
	log := slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := mvc.New(mvc.Config{DB: db, Videos: videos, Log: log, Registry: prometheus.NewRegistry()})
	stop := running.Start(t, func(ctx context.Context) error { return server.Run(ctx, listener) })
	a.stop = sync.OnceFunc(func() {
		// Shutdown waits for connections that have not sent a request yet.
		a.client.CloseIdleConnections()
		stop()
		a.client.CloseIdleConnections()
		db.Close()
	})
	t.Cleanup(a.stop)
	return a
}

func (a *api) awaitReady() {
	a.t.Helper()
	running.Until(a.t, "the server is ready", func() bool { return a.call("GET", "/readyz", "").status == http.StatusOK })
}

// An answer is an HTTP response.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request and checks that the answer has a trace id. It may be called by
// any goroutine.
func (a *api) call(method, path, body string) answer {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Error(err)
		return answer{}
	}
	request.Header.Set("X-Trace-Id", "mine")
	response, err := a.client.Do(request)
	if err != nil {
		a.t.Error(err)
		return answer{}
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Error(err)
	}
	if ids := response.Header.Values("X-Trace-Id"); len(ids) != 1 || len(ids[0]) != 36 {
		a.t.Errorf("%s %s: X-Trace-Id is %q", method, path, ids)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func (a *api) record(video string) answer {
	a.t.Helper()
	return a.call("POST", "/v1/videos/"+video+"/viewings", "")
}

// recordFirst records a viewing of the nth initial video.
func (a *api) recordFirst(n int) {
	a.t.Helper()
	if got := a.record(mvc.VideoID(n).String()); got.status != http.StatusAccepted {
		a.t.Errorf("video %d: %d %s", n, got.status, got.body)
	}
}

type home struct {
	VideosWatched string
	Videos        []struct{ VideoID, Name, Views, OwnerID string }
	NextPageToken string
}

func (a *api) home(query string) (page home) {
	a.t.Helper()
	got := a.call("GET", "/v1/home"+query, "")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		a.t.Errorf("home page: %d %s", got.status, got.body)
	}
	if err := json.Unmarshal([]byte(got.body), &page); err != nil {
		a.t.Errorf("home page %s: %v", got.body, err)
	}
	return page
}

// violations returns the fields of a google.rpc.Status's BadRequest.
func (a *api) violations(got answer) (fields []string) {
	a.t.Helper()
	var body struct {
		Code    int
		Message string
		Details []struct {
			Type            string `json:"@type"`
			FieldViolations []struct{ Field, Description string }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Code == 0 || body.Message == "" {
		a.t.Errorf("%q is not a google.rpc.Status: %v", got.body, err)
	}
	for _, d := range body.Details {
		if d.Type != "type.googleapis.com/google.rpc.BadRequest" {
			a.t.Errorf("a detail is a %s", d.Type)
		}
		for _, v := range d.FieldViolations {
			fields = append(fields, v.Field)
		}
	}
	return fields
}

func (a *api) execute(sql string) {
	a.t.Helper()
	conn, err := pgx.Connect(a.t.Context(), a.database)
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(a.t.Context(), sql); err != nil {
		a.t.Fatal(err)
	}
}

// A buffer is a concurrent bytes.Buffer.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
