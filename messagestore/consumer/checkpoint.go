package consumer

import (
	"context"
	"time"

	"videotutorials/messagestore"
)

// MaxSkipped is the number of skipped messages after which the position is saved.
// Saved positions are themselves messages that other consumers skip: at one for
// 10,000 they die out.
const MaxSkipped = 10_000

// limits determine when a position is saved.
type limits struct {
	handled  int           // messages
	interval time.Duration // since the first handled message; also between attempts
	skipped  int64         // messages
	timeout  time.Duration // of one attempt, while the handlers wait
}

// 100 messages are little work to repeat; 5 s is the longest that the position of
// a quiet consumer lags behind.
var defaultLimits = limits{handled: 100, interval: 5 * time.Second, skipped: MaxSkipped, timeout: 2 * time.Second}

// A checkpoint decides when a position is saved. It has no clock.
type checkpoint struct {
	limits limits
	// saved is the place in the store. Everything up to and including current is
	// handled or skipped.
	saved, current messagestore.Place
	// handled counts the messages handled after saved, the first of them at since.
	handled int
	since   time.Time
	// failed is the time of the last failed attempt to save after saved.
	failed time.Time
}

// handle records that the message at the place was handled.
func (c *checkpoint) handle(place messagestore.Place, now time.Time) {
	if c.handled == 0 {
		c.since = now
	}
	c.handled++
	c.current = place
}

// skip records that everything up to and including the place was handled or skipped.
func (c *checkpoint) skip(place messagestore.Place) { c.current = place }

// save records that the place was saved.
func (c *checkpoint) save(place messagestore.Place) {
	c.saved, c.handled, c.failed = place, 0, time.Time{}
}

// fail records a failed attempt. The next one is due an interval later, to spare a
// store in trouble.
func (c *checkpoint) fail(now time.Time) { c.failed = now }

// restart returns to the saved place.
func (c *checkpoint) restart() { c.current, c.handled, c.failed = c.saved, 0, time.Time{} }

// due reports whether current is to be saved now.
func (c *checkpoint) due(now time.Time) bool {
	if c.current.Position <= c.saved.Position || !c.failed.IsZero() && now.Sub(c.failed) < c.limits.interval {
		return false
	}
	return c.handled >= c.limits.handled ||
		c.handled > 0 && now.Sub(c.since) >= c.limits.interval ||
		c.current.Position-c.saved.Position >= c.limits.skipped
}

// dueAtStop reports whether current is to be saved when the consumer stops.
func (c *checkpoint) dueAtStop() bool {
	return c.handled > 0 && c.current.Position > c.saved.Position
}

// A window is the accepted messages in order, from the oldest unhandled one on.
type window []*accepted

// An accepted message is handled, skipped, or neither: then a worker runs it, or
// it waits for one.
type accepted struct {
	place            messagestore.Place
	handled, skipped bool
	// message and run are nil once they are not needed: thousands of messages may
	// wait for an older one.
	message *messagestore.Message
	run     func(context.Context, func()) error
}

// add appends a message.
func (w *window) add(m *messagestore.Message, run func(context.Context, func()) error) *accepted {
	a := &accepted{place: placeOf(m), message: m, run: run}
	*w = append(*w, a)
	return a
}

// skip records that everything up to and including the place needs no handling.
func (w *window) skip(place messagestore.Place) {
	if n := len(*w); n > 0 && (*w)[n-1].skipped {
		(*w)[n-1].place = place
		return
	}
	*w = append(*w, &accepted{place: place, skipped: true})
}

// settle moves the handled and skipped messages at the front into the checkpoint.
func (w *window) settle(c *checkpoint, now time.Time) {
	for len(*w) > 0 {
		first := (*w)[0]
		switch {
		case first.handled:
			c.handle(first.place, now)
		case first.skipped:
			c.skip(first.place)
		default:
			return
		}
		(*w)[0] = nil // for the garbage collector
		*w = (*w)[1:]
	}
}

func placeOf(m *messagestore.Message) messagestore.Place {
	return messagestore.Place{Position: m.GlobalPosition, ID: m.ID}
}
