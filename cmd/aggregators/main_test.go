package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestRun starts the process before there is a message store or a database; when
// both come, a viewing goes over mutual TLS into the home page.
func TestRun(t *testing.T) {
	t.Parallel()
	certs := certificates(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	postgres := testdb.New(t, "empty", func(context.Context, string) error { return nil })
	later, err := url.Parse(postgres)
	if err != nil {
		t.Fatal(err)
	}
	later.Path = "/later"
	s := &settings{Port: testserver.FreePort(t), places: places{ViewData: later.String(), Store: listener.Addr().String(), Certs: certs}}
	ctx, stop := context.WithCancel(t.Context())
	logged, ended := make(chan string, 1000), make(chan error, 1)
	go func() { ended <- s.run(ctx, slog.New(watcher{slog.NewTextHandler(t.Output(), nil), logged}), nil) }()

	for line := range logged {
		if line == "view data is not there, trying again" {
			break
		}
	}
	if code, reason := s.ready(t); code != http.StatusServiceUnavailable || !strings.Contains(reason, "aggregators:home-page: starting") {
		t.Errorf("ready without a database: %d %s", code, reason)
	}
	conn := connect(t, postgres)
	exec(t, conn, "create database later")
	defer exec(t, conn, "drop database later with (force)")
	store := teststore.New(t)
	testserver.Serve(t, store, certs, listener)
	m := messagestore.NewMessage{ID: uuid.NewString(), Type: "VideoViewed", Data: `{"userId": null, "videoId": "v"}`}
	if _, err := store.Write(t.Context(), "viewing-v", messagestore.Any, m); err != nil {
		t.Fatal(err)
	}
	awaitHome(t, later.String(), 1)
	s.awaitReady(t) // the others start by themselves
	if _, metrics := s.request(t, "/metrics"); !strings.Contains(metrics, `consumer_lag_messages{consumer="aggregators:home-page"}`) {
		t.Error("metrics lack the lag")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// awaitReady returns when all aggregators work.
func (s *settings) awaitReady(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for {
		code, reason := s.ready(t)
		if code == http.StatusOK {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("ready: %d %s", code, reason)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]settings{
		"NoViewData":        {places: places{Insecure: true}},
		"NoCertificates":    {places: places{ViewData: "postgres:///view_data"}},
		"UnknownAggregator": {places: places{ViewData: "postgres:///view_data", Insecure: true}, Only: []string{"homepage", "nothing"}},
	} {
		var usage *service.UsageError
		if err := s.run(t.Context(), slog.New(slog.DiscardHandler), nil); !errors.As(err, &usage) {
			t.Errorf("%s: run = %v, want a *service.UsageError", name, err)
		}
	}
	s := settings{Only: []string{"homepage", "homepage"}}
	if chosen, err := s.chosen(); err != nil || len(chosen) != 1 || chosen[0].ID != "aggregators:home-page" {
		t.Errorf("chosen %v, %v, want the home page's once", chosen, err)
	}
}

func (s *settings) ready(t *testing.T) (int, string) {
	t.Helper()
	return s.request(t, "/readyz")
}

func (s *settings) request(t *testing.T, path string) (int, string) {
	t.Helper()
	target := "http://" + service.Addr(s.Port, service.AggregatorsOpsPort) + path
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// awaitHome waits until the home page's number is the wanted one. The tables may
// not be there yet, so there is nothing to listen to but the database itself.
func awaitHome(t *testing.T, url string, want int64) {
	t.Helper()
	if err := viewdata.Migrate(t.Context(), url); err != nil { // waits for the process's
		t.Fatal(err)
	}
	conn := connect(t, url)
	exec(t, conn, `create or replace function moved() returns trigger language plpgsql as $$
		begin perform pg_notify('moved', ''); return null; end $$`)
	exec(t, conn, "create trigger moved after insert or update on pages execute function moved()")
	exec(t, conn, "listen moved")
	const watched = `select coalesce((select (page_data->>'videosWatched')::bigint from pages), -1)`
	for {
		var n int64
		if err := conn.QueryRow(t.Context(), watched).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if _, err := conn.WaitForNotification(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	authority, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"messagestore", "aggregators"} {
		if err := authority.Issue(name, "spiffe://videotutorials/"+name); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A watcher is a log handler that passes on the texts.
type watcher struct {
	slog.Handler
	logged chan<- string
}

func (w watcher) Handle(ctx context.Context, r slog.Record) error {
	w.logged <- r.Message
	return w.Handler.Handle(ctx, r)
}

func (w watcher) WithAttrs(attributes []slog.Attr) slog.Handler {
	return watcher{w.Handler.WithAttrs(attributes), w.logged}
}
