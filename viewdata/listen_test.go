package viewdata_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"videotutorials/viewdata"
)

const (
	aTrace       = "5a0f9f2c-6d57-4b8e-9a9c-2f6f3c1d7e10"
	anotherTrace = "7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
)

// runListener runs a Listener until the test ends.
func runListener(t *testing.T, url string) *viewdata.Listener {
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

func expectNotified(t *testing.T, woken <-chan struct{}) {
	t.Helper()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		t.Fatal("no notification within 30 s")
	}
}

func TestListener_Wait(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	l := runListener(t, url)
	first, stopFirst := l.Wait(aTrace)
	defer stopFirst()
	second, stopSecond := l.Wait(aTrace)
	defer stopSecond()
	other, stopOther := l.Wait(anotherTrace)
	defer stopOther()
	stopped, stop := l.Wait(aTrace)
	for _, c := range []<-chan struct{}{first, second, other, stopped} {
		expectNotified(t, c) // the Listener has connected
	}
	stop()
	for range 3 {
		exec(t, url, "select pg_notify('operations', '"+aTrace+"')")
		expectNotified(t, first)
		expectNotified(t, second)
	}
	exec(t, url, "select pg_notify('operations', '"+anotherTrace+"')")
	expectNotified(t, other) // after all earlier notifications
	for name, c := range map[string]<-chan struct{}{"other trace": other, "no notification": first, "stopped waiter": stopped} {
		select {
		case <-c:
			t.Errorf("%s: notified", name)
		default:
		}
	}
}

func TestListener_NotifiesOfRow(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	l := runListener(t, url)
	woken, stop := l.Wait(aTrace)
	defer stop()
	expectNotified(t, woken)
	exec(t, url, "insert into video_operations (trace_id, video_id, succeeded, owner_id) values ('"+aTrace+"', '"+anotherTrace+"', true, '"+anotherTrace+"')")
	expectNotified(t, woken)
}

// TestListener_Reconnects ends the connection several times. After each
// reconnection all waiters are notified, since notifications may have been missed.
func TestListener_Reconnects(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	l := runListener(t, url)
	woken, stop := l.Wait(aTrace)
	defer stop()
	for range 3 {
		expectNotified(t, woken)
		exec(t, url, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'listen operations'")
	}
	expectNotified(t, woken)
	exec(t, url, "select pg_notify('operations', '"+aTrace+"')")
	expectNotified(t, woken)
}

// A lineWriter sends each log line to the channel.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}

// TestListener_NoPostgres asserts that Run retries until its context ends.
func TestListener_NoPostgres(t *testing.T) {
	t.Parallel()
	pool := open(t, "postgres://127.0.0.1:1/none", viewdata.Reader)
	log := make(lineWriter)
	l := viewdata.NewListener(pool, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	deadline := time.After(30 * time.Second)
	for failures := 0; ; {
		select {
		case <-log:
			if failures++; failures == 2 {
				cancel()
			}
		case err := <-done:
			if err != nil || failures < 2 {
				t.Errorf("run = %v after %d logged failures, want nil after 2", err, failures)
			}
			return
		case <-deadline:
			t.Fatalf("%d logged failures within 30 s, want 2 and the end of Run", failures)
		}
	}
}
