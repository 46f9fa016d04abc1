// Package running runs parts of the system in the background of a test and
// waits, with a deadline, for what they do.
package running

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Patience is the deadline of every wait in this package. It is far longer than
// a passing test needs, so that a busy machine does not fail one.
const Patience = time.Minute

// Start calls run in a goroutine. The context passed to run is canceled, and the
// return of run awaited, by stop or, if the test does not call stop, when the
// test ends. The test fails if run returns an error or does not return within
// Patience of the cancellation. Stop may be called more than once.
func Start(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background()) // t.Context ends before the clean-ups
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		if err := run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		deadline := time.NewTimer(Patience)
		defer deadline.Stop()
		select {
		case <-returned:
		case <-deadline.C:
			t.Errorf("run did not return within %v of its context's cancellation", Patience)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Until waits until condition reports true. The test stops with a failure that
// names what was awaited if that takes longer than Patience. Condition is polled
// every 10 ms, in the goroutine of the caller.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	const interval = 10 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for deadline := time.Now().Add(Patience); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", Patience, what)
		}
	}
}

// Receive returns the next value from the channel, or its zero value if the
// channel is closed. The test stops with a failure that names what was awaited
// if that takes longer than Patience.
func Receive[T any](t testing.TB, what string, channel <-chan T) T {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	select {
	case value := <-channel:
		return value
	case <-deadline.C:
		t.Fatalf("not within %v: %s", Patience, what)
		panic("unreachable")
	}
}
