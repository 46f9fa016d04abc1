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
// unit is of the line of which the least was taken. Where the queue is full, the
// line that has the most of what is full, units or bytes, gives up its last ones.
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

// A line is what one principal waits for. An empty one is forgotten when the
// others have had as much: else who comes back again and again would always be
// next.
type line struct {
	units []*unit
	bytes int
	// taken is how many bytes were taken of it, and at least the clock: who comes
	// after a while has no credit for it.
	taken int64
}

func newQueue(refused prometheus.Counter) *queue {
	return &queue{lines: map[messagestore.Principal]*line{}, filled: make(chan struct{}, 1), refused: refused}
}

// put adds units, which may then go in one group. Whose unit does not fit is
// answered why.
func (q *queue) put(units ...*unit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.wake()
	for _, u := range units {
		if err := q.add(u); err != nil {
			u.answer(verdict{err: err})
		}
	}
}

// add adds a unit. It returns an *ExhaustedError where the queue is full and
// nobody has a longer line, and an *UnavailableError after close.
func (q *queue) add(u *unit) error {
	if q.closed {
		return errStopping
	}
	l := q.lines[u.writer]
	if l == nil {
		l = &line{}
		q.lines[u.writer] = l
	}
	if !q.makeRoom(l, u) {
		q.forget()
		return errFull()
	}
	l.taken = max(l.taken, q.clock)
	l.units = append(l.units, u)
	l.bytes += u.bytes
	q.units++
	q.bytes += u.bytes
	return nil
}

// makeRoom reports whether the unit fits into the queue. Where it is full, the
// longest line gives way, if it is still the longest afterwards.
func (q *queue) makeRoom(l *line, u *unit) bool {
	fits := func() bool { return q.units < maxQueued && q.bytes+u.bytes <= maxQueuedBytes }
	if fits() {
		return true
	}
	q.refused.Inc() // the one or the other
	length, more := (*line).count, 1
	if q.bytes+u.bytes > maxQueuedBytes {
		length, more = (*line).size, u.bytes // which frees units, too
	}
	longest := q.longest(length)
	if length(longest)-more < length(l)+more {
		return false
	}
	for !fits() {
		last := len(longest.units) - 1
		refused := longest.units[last]
		longest.units[last] = nil
		longest.units = longest.units[:last]
		q.left(longest, refused)
		refused.answer(verdict{err: errFull()})
	}
	return true
}

// take returns the next group, nil where nothing waits. Units that nobody waits
// for any more are left out: their callers know that the outcome is unknown.
func (q *queue) take() *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &group{}
	waits := map[*line]bool{} // whose next unit does not fit into this group
	for l := q.next(waits); l != nil; l = q.next(waits) {
		u := l.units[0]
		if u.ctx.Err() == nil {
			if !g.add(u) {
				waits[l] = true
				continue
			}
			q.clock = max(q.clock, l.taken)
			l.taken += int64(u.bytes)
		}
		l.units[0] = nil
		l.units = l.units[1:]
		q.left(l, u)
	}
	q.forget()
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
}

// forget forgets the empty lines that owe nothing.
func (q *queue) forget() {
	for who, l := range q.lines {
		if len(l.units) == 0 && (q.units == 0 || l.taken <= q.clock) {
			delete(q.lines, who)
		}
	}
}

// next returns the line whose turn it is, nil where all are empty or wait for the
// next group.
func (q *queue) next(waits map[*line]bool) *line {
	var next *line
	for _, l := range q.lines {
		if len(l.units) > 0 && !waits[l] && (next == nil || l.taken < next.taken) {
			next = l
		}
	}
	return next
}

// longest returns the line that is the longest by that measure. There is one.
func (q *queue) longest(length func(*line) int) *line {
	var longest *line
	for _, l := range q.lines {
		if longest == nil || length(l) > length(longest) {
			longest = l
		}
	}
	return longest
}

// count and size are how many units wait in the line, and how many bytes.
func (l *line) count() int { return len(l.units) }
func (l *line) size() int  { return l.bytes }

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
