package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"videotutorials/messagestore"
)

const (
	// stuckFor is how long a group is on its way before the store is not ready.
	// The watchdog has ended by then who holds the lock for too long.
	stuckFor = 6 * time.Second
	// probeEvery is how often a writer whose last group failed tries an empty one.
	probeEvery = time.Second
)

// Ready returns nil if the store serves: it has seen Postgres's head not long ago,
// and its writes commit. It asks nobody: an idle store knows from its look at the
// head, one that fails from its own tries.
func (s *Store) Ready(context.Context) error { return s.state() }

func (s *Store) state() error {
	if err := s.writer.failing.get(); err != nil {
		return &messagestore.UnavailableError{Reason: fmt.Sprintf("writes do not commit: %v", err)}
	}
	if stuck := s.writer.stuck(); stuck > stuckFor {
		return &messagestore.UnavailableError{Reason: fmt.Sprintf("writes do not commit: one has been on its way for %v", stuck.Round(time.Second))}
	}
	if !s.tail.fresh() {
		return errStale
	}
	return nil
}

// A failure is the error of the last group, nil where it was stored.
type failure struct{ err atomic.Pointer[error] }

func (f *failure) get() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *failure) set(err error) {
	if err == nil {
		f.err.Store(nil)
		return
	}
	f.err.Store(&err)
}
