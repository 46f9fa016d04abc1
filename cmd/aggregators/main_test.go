package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/internal/service"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

func TestMain(m *testing.M) {
	testserver.Program(main)
	testdb.Main(m)
}

// TestRun starts the process before the message store and the database. When both
// are there, a viewing goes over mutual TLS into the home page.
func TestRun(t *testing.T) {
	t.Parallel()
	certs := t.TempDir()
	testserver.Certificates(t, certs, map[string]string{"messagestore": "messagestore", "aggregators": "aggregators"})
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
	port := testserver.FreePort(t)
	log := make(lines, 1000)
	stop := running.Start(t, func(ctx context.Context) error {
		return testserver.Run(ctx, log, []string{"VT_PORT=" + strconv.Itoa(port),
			"VT_VIEWDATA_URL=" + later.String(), "VT_MESSAGESTORE_ADDR=" + listener.Addr().String(), "VT_CERTS=" + certs})
	})
	for !strings.Contains(running.Receive(t, "view data is missing", log), "migrate view data") {
	}
	if code, reason := testserver.Get(t, port, service.AggregatorsOpsPort, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(reason, "aggregators:home-page: starting") {
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
	running.Until(t, "all aggregators are ready", func() bool {
		code, _ := testserver.Get(t, port, service.AggregatorsOpsPort, "/readyz")
		return code == http.StatusOK
	})
	views := connect(t, later.String())
	running.Until(t, "the viewing is on the home page", func() bool {
		var n int64
		if err := views.QueryRow(t.Context(), "select (page_data->>'videosWatched')::bigint from pages").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 1
	})
	if _, metrics := testserver.Get(t, port, service.AggregatorsOpsPort, "/metrics"); !strings.Contains(metrics, `consumer_lag_messages{consumer="aggregators:home-page"}`) {
		t.Error("metrics lack the lag")
	}
	stop()
}

// lines receives the lines of a log.
type lines chan string

func (l lines) Write(text []byte) (int, error) {
	select {
	case l <- string(text):
	default:
	}
	return len(text), nil
}

func TestSettings(t *testing.T) {
	t.Parallel()
	const views, insecure = "VT_VIEWDATA_URL=postgres:///view_data", "VT_INSECURE=true"
	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"NoViewData":        {env: []string{insecure}, want: "VT_VIEWDATA_URL"},
		"NoCertificates":    {env: []string{views}, want: "VT_CERTS"},
		"UnknownAggregator": {env: []string{views, insecure}, args: []string{"-only", "homepage,nothing"}, want: `there is no aggregator "nothing": adminmessages, `},
		"NothingToRebuild":  {env: []string{views, insecure}, args: []string{"rebuild"}, want: "one aggregator is required"},
	} {
		if code, output := testserver.Output(t, test.env, test.args...); code != 2 || !strings.Contains(output, test.want) {
			t.Errorf("%s: exit code %d, want 2; output lacks %q:\n%s", name, code, test.want, output)
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
