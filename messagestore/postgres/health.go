package postgres

import (
	"context"
	"fmt"
	"time"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

const (
	// maxWriting is the running time of a group from which the store is not ready. It
	// is longer than the watchdog needs to terminate a holder of the lock.
	maxWriting = 6 * time.Second
	// probeInterval is the time between two empty groups that a writer tries after a
	// failure.
	probeInterval = time.Second
	// contentFailure is how long the store is not ready after Postgres rejected
	// messages but not an empty group, as with a full disk.
	contentFailure = 30 * time.Second
)

// Ready returns nil if the store serves: the head is fresh and writes commit. It
// does not query Postgres but uses the results of the poller and the writer.
func (s *Store) Ready(context.Context) error {
	if last := s.writer.failing.Load(); last != nil {
		return &messagestore.UnavailableError{Reason: fmt.Sprintf("writes do not commit: %v", last.err)}
	}
	if writing := s.writer.writing(); writing > maxWriting {
		return &messagestore.UnavailableError{Reason: fmt.Sprintf("writes do not commit: the last one has been running for %v", writing.Round(time.Second))}
	}
	if !s.tail.fresh() {
		return errStale
	}
	return nil
}

// A failure is the reason why the last group was not stored.
type failure struct {
	err   error
	until time.Time // until then, a stored group without messages does not clear the failure
}

// recordStored records a group that was stored.
func (w *writer) recordStored(messages int) {
	if last := w.failing.Load(); last != nil && (messages > 0 || time.Now().After(last.until)) {
		w.failing.Store(nil)
	}
}

// recordFailed records a group that was not stored.
func (w *writer) recordFailed(err error, messages int) {
	next := &failure{err: err}
	if last := w.failing.Load(); last != nil {
		next.until = last.until
	}
	if messages > 0 && (!temporary(err) || database.SQLState(err) == diskFull) {
		next.until = time.Now().Add(contentFailure)
	}
	w.failing.Store(next)
}
