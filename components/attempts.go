package components

import (
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// attempts is what an entity's stream says of the attempts of an effect. It is
// pure.
type attempts struct {
	// n is the number of the last one, 0 for none.
	n int32
	// until is when it is given up; cause is the id of the message for which it
	// is made.
	until time.Time
	cause string
	// over is when something was heard of it; zero while nothing was.
	over time.Time
	// back says that the one after it was handed back: it may begin at once.
	back bool
}

// begin returns the attempts after the event that says that one begins.
func (attempts) begin(event Attempted, cause string) attempts {
	a := attempts{n: event.GetAttempt(), until: event.GetUntil().AsTime(), cause: cause}
	if a.until.IsZero() {
		a.n, a.back = a.n-1, true
	}
	return a
}

// hear returns the attempts after another event of the entity.
func (a attempts) hear(event messagestore.Message) attempts {
	by, err := contract.ParseMetadata(event.Metadata)
	if err == nil && a.n > 0 && by.CausationMessageID == a.cause {
		a.over = event.Time
	}
	return a
}

// open reports whether nothing was heard of the last one yet.
func (a attempts) open() bool { return a.n > 0 && a.over.IsZero() && !a.back }

// heard reports whether the log has heard of any, or that one waits.
func (a attempts) heard() bool { return a.n > 0 || a.back }

// wait returns for how long no other attempt may begin.
func (a attempts) wait(pauses []time.Duration, now time.Time) time.Duration {
	switch {
	case a.n == 0 || a.back:
		return 0
	case a.open():
		return max(0, a.until.Sub(now))
	case !a.spent(pauses):
		return max(0, a.over.Add(pauses[a.n-1]).Sub(now))
	}
	return 0
}

// spent reports whether there were as many as there may be.
func (a attempts) spent(pauses []time.Duration) bool { return int(a.n) > len(pauses) }
