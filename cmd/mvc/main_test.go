package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"videotutorials/internal/service"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/mvc"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestRun counts a viewing through all that is real on the way.
func TestRun(t *testing.T) {
	t.Parallel()
	s := &settings{
		Port: testserver.FreePort(t), Videos: 3,
		DatabaseURL: testdb.New(t, "empty", func(context.Context, string) error { return nil }),
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)), nil) }()

	url := "http://" + service.Addr(s.Port, service.MVCPort)
	for code, _ := ask(t, "GET", url+"/readyz"); code != http.StatusOK; code, _ = ask(t, "GET", url+"/readyz") {
		select {
		case err := <-ended:
			t.Fatalf("run: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if code, said := ask(t, "POST", url+"/v1/videos/"+mvc.VideoID(1).String()+"/viewings"); code != http.StatusAccepted {
		t.Errorf("a viewing: %d %s", code, said)
	}
	for path, want := range map[string]string{
		"/v1/home": `"videosWatched":"4"`,
		"/healthz": "ok",
		"/metrics": "go_goroutines",
	} {
		if code, said := ask(t, "GET", url+path); code != http.StatusOK || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s, want %s", path, code, said, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// ask returns the status and the text of an answer, or 0 without an answer.
func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func TestRun_Wrong(t *testing.T) {
	t.Parallel()
	taken := testserver.FreePort(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", service.Addr(taken, service.MVCPort))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // it accepts no connections
	const url = "postgres:///x"
	for name, c := range map[string]struct {
		s     settings
		usage bool
	}{
		"NoDatabase":    {settings{Videos: 3}, true},
		"TooManyVideos": {settings{DatabaseURL: url, Videos: 1_000_000_000}, true},
		"BadURL":        {settings{DatabaseURL: "postgres://%zz"}, false},
		"PortTaken":     {settings{DatabaseURL: url, Port: taken}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.s.run(t.Context(), slog.New(slog.DiscardHandler), nil)
			var usage *service.UsageError
			if err == nil || errors.As(err, &usage) != c.usage {
				t.Errorf("%v, expected wrong usage: %t", err, c.usage)
			}
		})
	}
}
