package postgres

import (
	"slices"
	"sync"
	"time"

	"videotutorials/messagestore"
)

// The bounds of the tail: subscribers that are further behind are served from
// Postgres.
const (
	maxTailMessages = 20_000
	maxTailBytes    = 32 << 20
)

// staleAfter is how old the knowledge of the head may be: two heartbeats.
const staleAfter = 2 * heartbeatInterval

// A tail is the end of the log in memory: one contiguous range, from which all
// subscriptions are served that keep up. It grows only at its end, by what this
// server has written and what the watch has read.
type tail struct {
	mu       sync.RWMutex
	before   messagestore.Place // the place before the first message
	messages []messagestore.Message
	bytes    int
	dropped  int           // bytes that the array of messages still holds
	changed  chan struct{} // closed at each change
	seen     time.Time     // when its end was last known to be that of the log
	known    bool          // there is a range at all
	stopped  bool          // nothing will change any more

	// behind is told that there are messages in Postgres after the end.
	behind func()
}

func newTail(behind func()) *tail {
	return &tail{changed: make(chan struct{}), behind: behind, seen: time.Now()}
}

// fetched is what the tail has after a place.
type fetched struct {
	// messages follow the place, at most so many as asked for. The slice is
	// shared and must not be written to.
	messages []messagestore.Message
	// held: the tail holds the place, so that nothing lies between it and
	// messages. Without messages the place is the end, and changed is closed when
	// that changes.
	held    bool
	end     messagestore.Place
	changed <-chan struct{}
	// stopped: the store stops.
	stopped bool
}

// after returns what follows the place, which is proven by its id and not by its
// number: after a restore or a failover another message may have that.
func (t *tail) after(place messagestore.Place, limit int) fetched {
	t.mu.RLock()
	defer t.mu.RUnlock()
	f := fetched{end: t.end(), changed: t.changed, stopped: t.stopped}
	at := place.Position - t.before.Position // how many of the messages are before the place's successor
	if !t.known || at < 0 || at > int64(len(t.messages)) || t.placeAt(at).ID != place.ID {
		return f
	}
	f.held = true
	rest := t.messages[at:]
	n := min(len(rest), limit)
	f.messages = rest[:n:n]
	return f
}

// placeAt returns the place after which n messages of the range have come.
func (t *tail) placeAt(n int64) messagestore.Place {
	if n == 0 {
		return t.before
	}
	m := &t.messages[n-1]
	return messagestore.Place{Position: m.GlobalPosition, ID: m.ID}
}

func (t *tail) end() messagestore.Place { return t.placeAt(int64(len(t.messages))) }

// place returns the end of the tail, and whether there is one.
func (t *tail) place() (messagestore.Place, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.end(), t.known
}

// offer appends messages that follow the place before, if that is the end of the
// tail. Otherwise others have written in between, and what is between is read
// first.
func (t *tail) offer(before messagestore.Place, messages []messagestore.Message) {
	if len(messages) == 0 {
		return
	}
	t.mu.Lock()
	fits := t.known && t.end() == before
	if fits {
		t.append(messages)
		t.seen = time.Now()
	}
	t.mu.Unlock()
	if !fits {
		t.behind()
	}
}

func (t *tail) append(messages []messagestore.Message) {
	for i := range messages {
		t.bytes += size(&messages[i])
	}
	// Readers share the array: it is appended to and never overwritten.
	t.messages = append(t.messages, messages...)
	t.trim()
	t.change()
}

// trim drops the first messages while there are too many.
func (t *tail) trim() {
	drop := 0
	for ; len(t.messages)-drop > maxTailMessages || t.bytes > maxTailBytes && drop < len(t.messages)-1; drop++ {
		n := size(&t.messages[drop])
		t.bytes -= n
		t.dropped += n
	}
	if drop == 0 {
		return
	}
	t.before = t.placeAt(int64(drop))
	t.messages = t.messages[drop:]
	if t.dropped > maxTailBytes {
		// The array that readers share keeps what was dropped.
		t.messages, t.dropped = slices.Clone(t.messages), 0
	}
}

// fresh reports whether the end of the tail was the end of the log not long ago.
// While Postgres is away it is not known.
func (t *tail) fresh() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.known && time.Since(t.seen) < staleAfter
}

// age is how many seconds ago the end of the tail was known to be that of the
// log.
func (t *tail) age() float64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return time.Since(t.seen).Seconds()
}

// kept returns how much the tail has.
func (t *tail) kept() (messages, bytes int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.messages), t.bytes
}

// stop wakes all that wait, since nothing will come any more.
func (t *tail) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.change()
}

// confirm says that Postgres's head is the end of the tail now.
func (t *tail) confirm() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = time.Now()
}

// restart drops the range, to begin anew after the head.
func (t *tail) restart(head messagestore.Place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before, t.messages, t.bytes, t.dropped, t.known = head, nil, 0, 0, true
	t.seen = time.Now()
	t.change()
}

func (t *tail) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// size is about what a message takes in memory.
func size(m *messagestore.Message) int {
	return len(m.Data) + len(m.Metadata) + len(m.Stream) + len(m.Type) + len(m.Writer) + 200
}
