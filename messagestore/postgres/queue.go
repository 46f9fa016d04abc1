package postgres

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/messagestore"
)

// The bounds of what waits to be written.
const (
	maxQueued      = 20_000 // units
	maxQueuedBytes = 64 << 20
)

// A queue holds the units that wait for the writer. It is fair between
// principals: each has a line of its own, first come, first served, and the next
// unit is of the line of which the least was taken. Where the queue is full, who
// has the longest line is refused.
type queue struct {
	mu     sync.Mutex
	lines  map[messagestore.Principal]*line
	units  int
	bytes  int
	clock  int64 // what was taken of the line that was next last
	closed bool
	filled chan struct{} // holds one when there may be something to take
	// refused counts those for whom it was full.
	refused prometheus.Counter
}

// A line is what one principal waits for. An empty one is forgotten.
type line struct {
	units []*unit
	bytes int
	// taken is how many bytes were taken of it, beginning with the clock: who
	// comes anew is next, and has no credit for the time before.
	taken int64
}

func newQueue(refused prometheus.Counter) *queue {
	return &queue{lines: map[messagestore.Principal]*line{}, filled: make(chan struct{}, 1), refused: refused}
}

// put adds a unit. It returns an *ExhaustedError where the queue is full and
// nobody has a longer line, and an *UnavailableError after close.
func (q *queue) put(u *unit) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errStopping
	}
	for q.units >= maxQueued || q.bytes+u.bytes > maxQueuedBytes {
		q.refused.Inc() // the one or the other
		longest := q.longest()
		own := q.lines[u.writer]
		if longest == nil || own != nil && longest.share() <= own.share() {
			return errFull()
		}
		last := len(longest.units) - 1
		refused := longest.units[last]
		longest.units[last] = nil
		longest.units = longest.units[:last]
		q.left(longest, refused)
		refused.answer(verdict{err: errFull()})
	}
	l := q.lines[u.writer]
	if l == nil {
		l = &line{taken: q.clock}
		q.lines[u.writer] = l
	}
	l.units = append(l.units, u)
	l.bytes += u.bytes
	q.units++
	q.bytes += u.bytes
	q.wake()
	return nil
}

// take returns the next group, nil where nothing waits. Units that nobody waits
// for any more are left out: their callers know that the outcome is unknown.
func (q *queue) take() *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &group{}
	for l := q.next(); l != nil; l = q.next() {
		u := l.units[0]
		if u.ctx.Err() == nil {
			if !g.add(u) {
				break
			}
			q.clock = l.taken
			l.taken += int64(u.bytes)
		}
		l.units[0] = nil
		l.units = l.units[1:]
		q.left(l, u)
	}
	if q.units > 0 {
		q.wake()
	}
	if len(g.units) == 0 {
		return nil
	}
	return g
}

// left counts the unit out, which is no longer in the line.
func (q *queue) left(l *line, u *unit) {
	q.units--
	q.bytes -= u.bytes
	l.bytes -= u.bytes
	if len(l.units) == 0 {
		delete(q.lines, u.writer)
	}
}

// next returns the line whose turn it is, nil where all are empty.
func (q *queue) next() *line {
	var next *line
	for _, l := range q.lines {
		if next == nil || l.taken < next.taken {
			next = l
		}
	}
	return next
}

// longest returns the line that has the largest share of the queue.
func (q *queue) longest() *line {
	var longest *line
	for _, l := range q.lines {
		if longest == nil || l.share() > longest.share() {
			longest = l
		}
	}
	return longest
}

// share is the part of the queue that the line takes, by its count or its bytes.
func (l *line) share() float64 {
	return max(float64(len(l.units))/maxQueued, float64(l.bytes)/maxQueuedBytes)
}

func (q *queue) wake() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// waiting returns how many units and bytes wait.
func (q *queue) waiting() (units, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.units, q.bytes
}

// fail answers all that waits with err.
func (q *queue) fail(err error) {
	q.mu.Lock()
	lines := q.lines
	q.lines, q.units, q.bytes = map[messagestore.Principal]*line{}, 0, 0
	q.mu.Unlock()
	for _, l := range lines {
		for _, u := range l.units {
			u.answer(verdict{err: err})
		}
	}
}

// close refuses what comes from now on. What waits can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

func errFull() error {
	return &messagestore.ExhaustedError{RetryAfter: 100 * time.Millisecond, Reason: "too many writes are waiting"}
}

var errStopping = &messagestore.UnavailableError{Reason: "the message store is stopping"}
