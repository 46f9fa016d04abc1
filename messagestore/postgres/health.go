package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

const (
	// stuckFor is how long a group is on its way before the store is not ready.
	// The watchdog has ended by then who holds the lock for too long.
	stuckFor = 6 * time.Second
	// probeEvery is how often a writer whose last group failed tries an empty one.
	probeEvery = time.Second
	// doubtFor is for how long a store whose Postgres refuses messages is not ready
	// although an empty group is stored, as with a full disk.
	doubtFor = 30 * time.Second
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

// A failure is why the last group was not stored, nil where it was.
type failure struct{ last atomic.Pointer[failed] }

type failed struct {
	err error
	// until is how long an empty group that is stored proves nothing.
	until time.Time
}

func (f *failure) get() error {
	if last := f.last.Load(); last != nil {
		return last.err
	}
	return nil
}

// stored says that a group was stored.
func (f *failure) stored(messages int) {
	if last := f.last.Load(); last != nil && (messages > 0 || time.Now().After(last.until)) {
		f.last.Store(nil)
	}
}

// failed says that a group was not.
func (f *failure) failed(err error, messages int) {
	next := &failed{err: err}
	if last := f.last.Load(); last != nil {
		next.until = last.until
	}
	if messages > 0 && (!passing(err) || database.SQLState(err) == diskFull) {
		next.until = time.Now().Add(doubtFor)
	}
	f.last.Store(next)
}
