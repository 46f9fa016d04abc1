package postgres

import (
	"sync"
	"time"

	"videotutorials/messagestore"
)

// The bounds of what waits to be written.
const (
	maxQueued      = 20_000 // units
	maxQueuedBytes = 64 << 20
)

// A queue holds the units that wait for the writer, first come, first served.
type queue struct {
	mu     sync.Mutex
	units  []*unit
	bytes  int
	closed bool
	filled chan struct{} // holds one when there may be something to take
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

// put adds a unit, or returns an *ExhaustedError where the queue is full, or an
// *UnavailableError after close.
func (q *queue) put(u *unit) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errStopping
	}
	if len(q.units) >= maxQueued || q.bytes+u.bytes > maxQueuedBytes {
		return &messagestore.ExhaustedError{RetryAfter: 100 * time.Millisecond, Reason: "too many writes are waiting"}
	}
	q.units = append(q.units, u)
	q.bytes += u.bytes
	select {
	case q.filled <- struct{}{}:
	default:
	}
	return nil
}

// take returns the next group, nil where nothing waits. Units that nobody waits
// for any more are left out: their callers know that the outcome is unknown.
func (q *queue) take() *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &group{}
	for len(q.units) > 0 {
		u := q.units[0]
		if u.ctx.Err() == nil && !g.add(u) {
			break
		}
		q.units[0] = nil
		q.units = q.units[1:]
		q.bytes -= u.bytes
	}
	if len(q.units) > 0 {
		select {
		case q.filled <- struct{}{}:
		default:
		}
	}
	if len(g.units) == 0 {
		return nil
	}
	return g
}

// fail answers all that waits with err.
func (q *queue) fail(err error) {
	q.mu.Lock()
	units := q.units
	q.units, q.bytes = nil, 0
	q.mu.Unlock()
	for _, u := range units {
		u.answer(verdict{err: err})
	}
}

// close refuses what comes from now on. What waits can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

var errStopping = &messagestore.UnavailableError{Reason: "the message store is stopping"}
