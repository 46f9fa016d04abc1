package postgres

import (
	"maps"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/messagestore"
)

// The limits of the queue.
const (
	maxQueued      = 20_000 // units
	maxQueuedBytes = 64 << 20
)

// A queue holds the units that wait for the writer. It is fair between principals:
// each has a line in order of arrival, and the next unit comes from the line that
// has been served the fewest bytes. When the queue is full, it rejects the last
// units of the line with the most units or bytes, whichever limit is reached.
type queue struct {
	mu       sync.Mutex
	lines    map[messagestore.Principal]*line
	units    int
	bytes    int
	served   int64 // bytes served to the most recently chosen line before it was chosen
	closed   bool
	nonEmpty chan struct{} // buffered; signals that take may return a group
	rejected prometheus.Counter
}

// A line holds the units of one principal. An empty line is kept until the other
// lines have been served as much; otherwise a principal that returns after each
// write would always be next.
type line struct {
	units []*unit
	bytes int
	// served is the number of bytes taken from the line, and at least served of the
	// queue, so that an absent principal collects no credit.
	served int64
}

func newQueue(rejected prometheus.Counter) *queue {
	return &queue{lines: map[messagestore.Principal]*line{}, nonEmpty: make(chan struct{}, 1), rejected: rejected}
}

// put adds units, which may become one group, and finishes those that are rejected.
func (q *queue) put(units ...*unit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer signal(q.nonEmpty)
	for _, u := range units {
		if err := q.add(u); err != nil {
			u.done <- result{err: err}
		}
	}
}

// add adds a unit. It returns an *ExhaustedError if the queue is full and no other
// line is longer, and an *UnavailableError after close.
func (q *queue) add(u *unit) error {
	if q.closed {
		return errStopping
	}
	l := q.lines[u.writer]
	if l == nil {
		l = &line{}
	}
	if !q.makeRoom(l, u) {
		return errQueueFull()
	}
	q.lines[u.writer] = l
	l.served = max(l.served, q.served)
	l.units = append(l.units, u)
	l.bytes += u.bytes
	q.units++
	q.bytes += u.bytes
	return nil
}

func (q *queue) fits(u *unit) bool { return q.units < maxQueued && q.bytes+u.bytes <= maxQueuedBytes }

// makeRoom reports whether the unit fits into the queue. If it does not, makeRoom
// rejects the last units of the longest line, provided that this line would still
// be longer than the unit's.
func (q *queue) makeRoom(l *line, u *unit) bool {
	if q.fits(u) {
		return true
	}
	q.rejected.Inc() // either this unit or others
	length, added := func(l *line) int { return len(l.units) }, 1
	if q.bytes+u.bytes > maxQueuedBytes {
		length, added = func(l *line) int { return l.bytes }, u.bytes // this frees units, too
	}
	longest := l
	for _, other := range q.lines {
		if length(other) > length(longest) {
			longest = other
		}
	}
	if length(longest)-added < length(l)+added {
		return false
	}
	for !q.fits(u) {
		last := len(longest.units) - 1
		rejected := longest.units[last]
		longest.units[last] = nil
		longest.units = longest.units[:last]
		q.removed(longest, rejected)
		rejected.done <- result{err: errQueueFull()}
	}
	return true
}

// take returns the next group, or nil if the queue is empty. Units whose callers
// do not wait any more are dropped.
func (q *queue) take() *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &group{}
	deferred := map[*line]bool{} // lines whose next unit does not fit into the group
	for l := q.next(deferred); l != nil; l = q.next(deferred) {
		u := l.units[0]
		if u.ctx.Err() == nil {
			if !g.add(u) {
				deferred[l] = true
				continue
			}
			q.served = max(q.served, l.served)
			l.served += int64(u.bytes)
		}
		l.units[0] = nil
		l.units = l.units[1:]
		q.removed(l, u)
	}
	maps.DeleteFunc(q.lines, func(_ messagestore.Principal, l *line) bool {
		return len(l.units) == 0 && (q.units == 0 || l.served <= q.served)
	})
	if q.units > 0 {
		signal(q.nonEmpty)
	}
	if len(g.units) == 0 {
		return nil
	}
	return g
}

// removed updates the totals after the unit was removed from the line.
func (q *queue) removed(l *line, u *unit) {
	q.units--
	q.bytes -= u.bytes
	l.bytes -= u.bytes
}

// next returns the line to serve next, or nil if all lines are empty or deferred.
func (q *queue) next(deferred map[*line]bool) *line {
	var next *line
	for _, l := range q.lines {
		if len(l.units) > 0 && !deferred[l] && (next == nil || l.served < next.served) {
			next = l
		}
	}
	return next
}

// signal sends to the buffered channel, unless it is full.
func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// size returns the number of units in the queue and their bytes.
func (q *queue) size() (units, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.units, q.bytes
}

// fail finishes all units in the queue with err.
func (q *queue) fail(err error) {
	q.mu.Lock()
	lines := q.lines
	q.lines, q.units, q.bytes = map[messagestore.Principal]*line{}, 0, 0
	q.mu.Unlock()
	for _, l := range lines {
		for _, u := range l.units {
			u.done <- result{err: err}
		}
	}
}

// close rejects units from now on. Those in the queue can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	signal(q.nonEmpty)
}
