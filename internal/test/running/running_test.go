package running_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"videotutorials/internal/test/running"
)

// recorder is a test whose failures are recorded. Its clean-ups run when the
// surrounding test ends.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, _ ...any) { r.failures = append(r.failures, format) }

func (r *recorder) Fatalf(format string, _ ...any) {
	r.failures = append(r.failures, format)
	panic(r)
}

func (r *recorder) expect(t *testing.T, failures ...string) {
	t.Helper()
	if len(r.failures) != len(failures) {
		t.Fatalf("failures %q, want %q", r.failures, failures)
	}
	for i, want := range failures {
		if !strings.Contains(r.failures[i], want) {
			t.Errorf("failure %q, want %q", r.failures[i], want)
		}
	}
}

// fatal calls f and fails the test if f returns.
func fatal(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("the wait returned, want a failed test")
		}
	}()
	f()
}

func TestStart(t *testing.T) {
	t.Parallel()
	untilCanceled := func(ctx context.Context) error { <-ctx.Done(); return nil }
	failing := func(context.Context) error { return errors.New("broken") }
	t.Run("Stopped", func(t *testing.T) {
		r := &recorder{TB: t}
		stop := running.Start(r, untilCanceled)
		stop()
		stop()
		r.expect(t)
	})
	t.Run("Failed", func(t *testing.T) {
		r := &recorder{TB: t}
		running.Start(r, failing)()
		r.expect(t, "run: ")
	})
	t.Run("DoesNotReturn", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{TB: t}
			running.Start(r, func(context.Context) error { time.Sleep(2 * running.Patience); return nil })()
			r.expect(t, "did not return")
			time.Sleep(2 * running.Patience)
		})
	})
}

func TestUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		running.Until(t, "three polls", func() bool { polls++; return polls == 3 })
		r := &recorder{TB: t}
		fatal(t, func() { running.Until(r, "never", func() bool { return false }) })
		r.expect(t, "not within")
	})
}

func TestReceive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		channel := make(chan int, 1)
		channel <- 7
		if got := running.Receive(t, "a number", channel); got != 7 {
			t.Errorf("received %d, want 7", got)
		}
		r := &recorder{TB: t}
		fatal(t, func() { running.Receive(r, "another number", channel) })
		r.expect(t, "not within")
	})
}
