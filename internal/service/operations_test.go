package service

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "viewings_total"})
	registry.MustRegister(counter)
	var notReady error
	handler := Operations(registry, func(context.Context) error { return notReady })
	tests := []struct {
		path, want string
		ready      error
		code       int
	}{
		{path: "/metrics", want: "viewings_total 0", code: 200},
		{path: "/healthz", want: "ok", ready: errors.New("no database"), code: 200},
		{path: "/readyz", want: "ready", code: 200},
		{path: "/readyz", want: "no database", ready: errors.New("no database"), code: 503},
	}
	for _, test := range tests {
		notReady = test.ready
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil))
		if w.Code != test.code || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %q, want %d with %q", test.path, w.Code, w.Body, test.code, test.want)
		}
	}
}

// Serve waits for a request in progress when the context ends.
func TestServe_Drains(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	arrived, release := make(chan struct{}), make(chan struct{})
	served, answered := make(chan error, 1), make(chan string, 1)
	go func() {
		served <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(arrived)
			<-release
			_, _ = io.WriteString(w, "done")
		}))
	}()
	go func() { answered <- get(t, "http://"+listener.Addr().String()) }()
	<-arrived
	cancel()
	// Once connections are rejected, the drain has begun.
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case err := <-served:
		t.Fatalf("Serve returned before the answer: %v", err)
	default:
	}
	close(release)
	if got := <-answered; got != "done" {
		t.Errorf("answer %q, want done", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// get returns the body of the answer, or the text of the error.
func get(t *testing.T, url string) string {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestListenAndServe_PortTaken(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // unused
	if err := ListenAndServe(t.Context(), listener.Addr().String(), nil); err == nil {
		t.Error("no error although the port is in use")
	}
}
