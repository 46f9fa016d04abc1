package components

import (
	"time"

	"videotutorials/messagestore"
)

// A history is the record of an effect's attempts in the entity's stream. It is a
// pure fold.
type history struct {
	// attempt is the number of the latest attempt, 0 before the first.
	attempt int32
	// until is when the lease on it expires; cause is the id of the message for
	// which it is made.
	until time.Time
	cause string
	// ended is when its outcome was stored, zero if there is none.
	ended time.Time
	// handedBack reports that the attempt after it waits, or was interrupted: it may
	// start at once.
	handedBack bool
}

// attempted returns the history after an event of type A.
func attempted(event Attempted, cause string) history {
	h := history{attempt: event.GetAttempt(), until: event.GetUntil().AsTime(), cause: cause}
	if h.until.IsZero() {
		h.attempt, h.handedBack = h.attempt-1, true
	}
	return h
}

// observe returns the history after any other event of the entity.
func (h history) observe(event messagestore.Message) history {
	if h.attempt > 0 && causedBy(event, h.cause) {
		h.ended = event.Time
	}
	return h
}

// open reports whether the latest attempt has no outcome yet.
func (h history) open() bool { return h.attempt > 0 && h.ended.IsZero() && !h.handedBack }

// wait returns how long the next attempt has to wait: for the lease to expire, or for
// the backoff to end.
func (h history) wait(backoff []time.Duration, now time.Time) time.Duration {
	switch {
	case h.attempt == 0 || h.handedBack:
		return 0
	case h.open():
		return max(0, h.until.Sub(now))
	case !h.exhausted(backoff):
		return max(0, h.ended.Add(backoff[h.attempt-1]).Sub(now))
	}
	return 0
}

// exhausted reports whether the latest attempt was the last.
func (h history) exhausted(backoff []time.Duration) bool { return int(h.attempt) > len(backoff) }
