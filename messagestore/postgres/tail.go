package postgres

import (
	"slices"
	"sync"
	"time"

	"videotutorials/messagestore"
)

// The limits of the tail. Subscriptions that are further behind are served from
// Postgres.
const (
	maxTailMessages = 20_000
	maxTailBytes    = 32 << 20
)

// staleAfter bounds the age of the known head: two heartbeats.
const staleAfter = 2 * heartbeatInterval

// A tail holds the end of the log in memory, as one contiguous range that serves
// all subscriptions that keep up. It grows only at its end, by what this server has
// written and what the poller has read.
type tail struct {
	mu        sync.RWMutex
	before    messagestore.Place // the place before the first message
	messages  []messagestore.Message
	bytes     int
	dropped   int           // bytes of dropped messages that the array still holds
	changed   chan struct{} // closed at each change
	confirmed time.Time     // when the head of the tail was last that of Postgres
	known     bool          // restart was called
	stopped   bool          // there will be no more changes

	poll func() // requests the messages after the head from the poller
}

func newTail(poll func()) *tail {
	return &tail{changed: make(chan struct{}), poll: poll, confirmed: time.Now()}
}

// fetched is what the tail holds after a place.
type fetched struct {
	// messages follow the place. The slice is shared and MUST NOT be written to.
	messages []messagestore.Message
	// held reports whether the tail holds the place. If it does and messages is
	// empty, the place is the head.
	held    bool
	head    messagestore.Place
	changed <-chan struct{} // closed when the tail changes
	stopped bool            // the store stops
}

// after returns at most limit messages after the place. The place is compared by
// its id, since another message may have its position after a restore or a
// failover.
func (t *tail) after(place messagestore.Place, limit int) fetched {
	t.mu.RLock()
	defer t.mu.RUnlock()
	f := fetched{head: t.last(), changed: t.changed, stopped: t.stopped}
	n := place.Position - t.before.Position // messages of the tail up to the place
	if !t.known || n < 0 || n > int64(len(t.messages)) || t.placeAfter(n).ID != place.ID {
		return f
	}
	f.held = true
	rest := t.messages[n:]
	size := min(len(rest), limit)
	f.messages = rest[:size:size]
	return f
}

// placeAfter returns the place of the nth message of the tail.
func (t *tail) placeAfter(n int64) messagestore.Place {
	if n == 0 {
		return t.before
	}
	m := &t.messages[n-1]
	return messagestore.Place{Position: m.GlobalPosition, ID: m.ID}
}

func (t *tail) last() messagestore.Place { return t.placeAfter(int64(len(t.messages))) }

// head returns the last place of the tail and reports whether it is known.
func (t *tail) head() (messagestore.Place, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.last(), t.known
}

// offer appends the messages after the place before, if that is the head of the
// tail. Otherwise another server has written in between, and the poller must read
// those messages first.
func (t *tail) offer(before messagestore.Place, messages []messagestore.Message) {
	if len(messages) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known || t.last() != before {
		t.poll()
		return
	}
	for i := range messages {
		t.bytes += size(&messages[i])
	}
	// Readers share the array: elements are appended and never overwritten.
	t.messages = append(t.messages, messages...)
	t.trim()
	t.confirmed = time.Now()
	t.change()
}

// trim drops the first messages while the tail exceeds its limits.
func (t *tail) trim() {
	drop := 0
	for ; len(t.messages)-drop > maxTailMessages || t.bytes > maxTailBytes && drop < len(t.messages)-1; drop++ {
		n := size(&t.messages[drop])
		t.bytes -= n
		t.dropped += n
	}
	t.before = t.placeAfter(int64(drop))
	t.messages = t.messages[drop:]
	if t.dropped > maxTailBytes {
		// The shared array keeps the dropped messages in memory.
		t.messages, t.dropped = slices.Clone(t.messages), 0
	}
}

// fresh reports whether the head of the tail was recently that of Postgres. It is
// false while Postgres is away.
func (t *tail) fresh() bool {
	_, known := t.head()
	return known && t.age() < staleAfter
}

// age returns the time since the head of the tail was that of Postgres.
func (t *tail) age() time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return time.Since(t.confirmed)
}

// size returns the number of messages in the tail and their bytes.
func (t *tail) size() (messages, bytes int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.messages), t.bytes
}

// stop wakes all waiting subscriptions, since no more messages will be added.
func (t *tail) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.change()
}

// confirm records that the head of the tail is that of Postgres.
func (t *tail) confirm() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.confirmed = time.Now()
}

// restart drops all messages and continues after the head.
func (t *tail) restart(head messagestore.Place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before, t.messages, t.bytes, t.dropped, t.known = head, nil, 0, 0, true
	t.confirmed = time.Now()
	t.change()
}

func (t *tail) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// size returns about the bytes of a message in memory.
func size(m *messagestore.Message) int {
	return len(m.Data) + len(m.Metadata) + len(m.Stream) + len(m.Type) + len(m.Writer) + 200
}
