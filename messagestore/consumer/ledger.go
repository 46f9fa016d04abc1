package consumer

import (
	"time"

	"videotutorials/messagestore"
)

// MaxSkipped is how many messages are skipped before the place behind them is
// kept. Kept positions are themselves messages that others skip: at one for
// 10,000, they die out.
const MaxSkipped = 10_000

// limits say when a position is to be kept.
type limits struct {
	handled  int           // messages
	interval time.Duration // since the first handled one; between tries, too
	skipped  int64         // messages
	patience time.Duration // with one try, while the handlers wait
}

// 100 messages are little work to do again; 5 s are the longest that a quiet
// consumer's position lags behind.
var defaultLimits = limits{handled: 100, interval: 5 * time.Second, skipped: MaxSkipped, patience: 2 * time.Second}

// A ledger knows what was handled since the position was kept last, and so when
// it is to be kept again. It is pure: it has no clock.
type ledger struct {
	limits limits
	// saved is the place that is kept.
	saved messagestore.Place
	// at is the place up to which all is handled or skipped.
	at messagestore.Place
	// handled counts the messages handled since saved, the first one at since.
	handled int
	since   time.Time
	// failed is when keeping failed last, if it did after saved.
	failed time.Time
}

// handle says that the message at the place was handled.
func (l *ledger) handle(place messagestore.Place, now time.Time) {
	if l.handled == 0 {
		l.since = now
	}
	l.handled++
	l.at = place
}

// skip says that all up to and including the place was handled or skipped.
func (l *ledger) skip(place messagestore.Place) { l.at = place }

// keep says that the place is kept.
func (l *ledger) keep(place messagestore.Place) {
	l.saved, l.handled, l.failed = place, 0, time.Time{}
}

// fail says that keeping failed. The next try is an interval later, so that a
// store in trouble is not asked after every message.
func (l *ledger) fail(now time.Time) { l.failed = now }

// restart says that handling begins again after the saved place.
func (l *ledger) restart() { l.at, l.handled, l.failed = l.saved, 0, time.Time{} }

// due reports whether at is to be kept now.
func (l *ledger) due(now time.Time) bool {
	if l.at.Position <= l.saved.Position || !l.failed.IsZero() && now.Sub(l.failed) < l.limits.interval {
		return false
	}
	return l.handled >= l.limits.handled ||
		l.handled > 0 && now.Sub(l.since) >= l.limits.interval ||
		l.at.Position-l.saved.Position >= l.limits.skipped
}

// dueAtStop reports whether at is to be kept before the end.
func (l *ledger) dueAtStop() bool {
	return l.handled > 0 && l.at.Position > l.saved.Position
}
