package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"videotutorials/internal/pgserver"
	"videotutorials/internal/service"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestServe starts the server before Postgres, writes a message and stops the server.
func TestServe(t *testing.T) {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	config := pgserver.Config{Dir: filepath.Join(testdb.Folder(t), "postgres"), Log: log}
	s := &serve{Port: testserver.FreePort(t), Insecure: true}
	first, stopFirst := startPostgres(t, config)
	s.Database = first.URL("postgres")
	stopFirst()

	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, log, nil) }()
	await(t, s, "/healthz", http.StatusOK, "ok")
	await(t, s, "/readyz", http.StatusServiceUnavailable, "Postgres has not answered yet")

	_, stopPostgres := startPostgres(t, config)
	defer stopPostgres()
	client, err := rpc.Dial(service.Addr(s.Port, service.MessageStorePort), nil)
	if err != nil {
		t.Fatal(err)
	}
	written, err := client.Write(ctx, "a-1", messagestore.None, messagestore.NewMessage{Type: "Happened", Data: "{}"})
	if err != nil || written.GlobalPosition != 1 {
		t.Fatalf("%+v %v", written, err)
	}
	await(t, s, "/readyz", http.StatusOK, "ready")
	await(t, s, "/metrics", http.StatusOK, `grpc_server_handled_total{grpc_code="OK",grpc_method="Write"`)
	if status, err := client.Status(ctx); err != nil || status.Version != service.Version() {
		t.Errorf("%+v %v", status, err)
	}

	var end error
	for event, err := range client.Subscribe(context.Background(), messagestore.Subscription{Source: messagestore.OfAll()}) {
		if _, ok := event.(messagestore.CaughtUp); ok {
			stop()
		}
		end = err
	}
	var unavailable *messagestore.UnavailableError
	if !errors.As(end, &unavailable) || unavailable.Reason != "the server is stopping" {
		t.Errorf("the subscription ended with %v", end)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestServe_Wrong(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for name, test := range map[string]struct {
		s     *serve
		args  []string
		usage bool
	}{
		"arguments":       {&serve{Database: "postgres:///x", Insecure: true}, []string{"x"}, true},
		"no database":     {&serve{Insecure: true}, nil, true},
		"no certificates": {&serve{Database: "postgres:///x"}, nil, true},
		"no such folder":  {&serve{Database: "postgres:///x", Certs: filepath.Join(t.TempDir(), "none")}, nil, false},
		"bad URL":         {&serve{Database: "postgres://%zz", Insecure: true, Port: testserver.FreePort(t)}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.s.run(t.Context(), log, test.args)
			var usage *service.UsageError
			if err == nil || errors.As(err, &usage) != test.usage {
				t.Errorf("%v, expected wrong usage: %t", err, test.usage)
			}
		})
	}
}

// startPostgres returns a running Postgres and its stop function.
func startPostgres(t *testing.T, config pgserver.Config) (server *pgserver.Server, stop func()) {
	t.Helper()
	server, err := pgserver.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return server, func() {
		t.Helper()
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// await polls the path until it answers with the code and the text.
func await(t *testing.T, s *serve, path string, code int, text string) {
	t.Helper()
	running.Until(t, fmt.Sprintf("%s answers %d %s", path, code, text), func() bool {
		status, body := testserver.Get(t, s.Port, service.MessageStoreOpsPort, path)
		return status == code && strings.Contains(body, text)
	})
}
