package consumer

import (
	"time"

	"videotutorials/messagestore"
)

// A flight is the messages that were taken up, oldest first, from the oldest on
// that is not handled. It is pure.
type flight []*taken

// A taken message is one of a flight.
type taken struct {
	message messagestore.Message
	place   messagestore.Place
	// handled says that it is, skipped that it need not be. With neither it is
	// being handled, or waits.
	handled, skipped bool
}

// take adds a message.
func (f *flight) take(m messagestore.Message) *taken {
	t := &taken{message: m, place: messagestore.Place{Position: m.GlobalPosition, ID: m.ID}}
	*f = append(*f, t)
	return t
}

// skip adds that all up to and including the place need not be handled.
func (f *flight) skip(place messagestore.Place) {
	if n := len(*f); n > 0 && (*f)[n-1].skipped {
		(*f)[n-1].place = place
		return
	}
	*f = append(*f, &taken{place: place, skipped: true})
}

// settle moves what is handled or skipped, up to the first that is neither, into
// the ledger.
func (f *flight) settle(l *ledger, now time.Time) {
	for len(*f) > 0 {
		first := (*f)[0]
		switch {
		case first.handled:
			l.handle(first.place, now)
		case first.skipped:
			l.skip(first.place)
		default:
			return
		}
		(*f)[0] = nil // for the garbage collector
		*f = (*f)[1:]
	}
}
