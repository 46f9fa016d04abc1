package viewdata_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"videotutorials/viewdata"
)

const (
	aTrace       = "5a0f9f2c-6d57-4b8e-9a9c-2f6f3c1d7e10"
	anotherTrace = "7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
)

// listen runs a Listener until the test ends.
func listen(t *testing.T, url string) *viewdata.Listener {
	t.Helper()
	l := viewdata.NewListener(open(t, url, viewdata.Reader), slog.New(slog.NewTextHandler(t.Output(), nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return l
}

func hears(t *testing.T, woken <-chan struct{}) {
	t.Helper()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody was woken")
	}
}

func TestListener(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	l := listen(t, url)
	first, stopFirst := l.Wait(aTrace)
	defer stopFirst()
	second, stopSecond := l.Wait(aTrace)
	defer stopSecond()
	other, stopOther := l.Wait(anotherTrace)
	defer stopOther()
	gone, stop := l.Wait(aTrace)
	// All are woken when it has connected.
	for _, c := range []<-chan struct{}{first, second, other, gone} {
		hears(t, c)
	}
	stop()
	for range 3 {
		exec(t, url, "select pg_notify('operations', '"+aTrace+"')")
		hears(t, first)
		hears(t, second)
	}
	exec(t, url, "select pg_notify('operations', '"+anotherTrace+"')")
	hears(t, other) // and so all before it was heard
	for name, c := range map[string]<-chan struct{}{"another's news": other, "no news": first, "nobody any longer": gone} {
		select {
		case <-c:
			t.Errorf("%s: it is woken", name)
		default:
		}
	}
}

// A row of an operation is news.
func TestListener_Row(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	l := listen(t, url)
	woken, stop := l.Wait(aTrace)
	defer stop()
	hears(t, woken)
	exec(t, url, "insert into video_operations (trace_id, video_id, succeeded, owner_id) values ('"+aTrace+"', '"+anotherTrace+"', true, '"+anotherTrace+"')")
	hears(t, woken)
}

// The connection may be lost at any time; who waits is woken when there is
// another one, for what was missed.
func TestListener_Reconnects(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	l := listen(t, url)
	woken, stop := l.Wait(aTrace)
	defer stop()
	for range 3 {
		hears(t, woken)
		exec(t, url, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'listen operations'")
	}
	hears(t, woken)
	exec(t, url, "select pg_notify('operations', '"+aTrace+"')")
	hears(t, woken)
}

// lines is a log that hands each line over.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// Postgres may come later; meanwhile it is tried again, and the end is the end.
func TestListener_Away(t *testing.T) {
	t.Parallel()
	pool := open(t, "postgres://127.0.0.1:1/none", viewdata.Reader)
	log := make(lines)
	l := viewdata.NewListener(pool, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	for range 2 {
		if line := <-log; !strings.Contains(line, "interrupted") {
			t.Errorf("the log says %s", line)
		}
	}
	cancel()
	for {
		select {
		case <-log:
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
			return
		}
	}
}
