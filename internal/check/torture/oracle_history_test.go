package torture

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"videotutorials/messagestore"
)

// A delivery is an event of a subscription: a message, or a place up to which
// everything was delivered or filtered. It is small, because a long run has many.
type delivery struct {
	position int64 // in positions of the source
	digest   digest
	place    bool
}

// A digest identifies the whole content of a message, or the id of a place.
type digest [16]byte

// deliveryOf returns the delivery of a message. Messages that differ in any field
// have different deliveries.
func deliveryOf(source messagestore.Source, m *messagestore.Message) delivery {
	return delivery{position: source.Place(m).Position, digest: digestOf(fmt.Sprintf("%q %q %q %q %q %q %d %d %d",
		m.ID, m.Stream, m.Type, m.Data, m.Metadata, m.Writer, m.Position, m.GlobalPosition, m.Time.UnixNano()))}
}

func placeDelivery(p messagestore.Place) delivery {
	return delivery{position: p.Position, digest: digestOf(p.ID), place: true}
}

func digestOf(text string) digest {
	sum := sha256.Sum256([]byte(text))
	return digest(sum[:len(digest{})])
}

// checkHistory compares a history with the messages that the subscription selects,
// and its places with the log, both in positions of the source. It stops at the
// first wrong message, because later ones follow from it.
func checkHistory(history, want []delivery, placed func(delivery) bool) []fault {
	var faults []fault
	var last *delivery
	for i := range history {
		s := &history[i]
		switch {
		case s.place && last != nil && s.position < last.position:
			faults = append(faults, faultf(reordered, "place %d was delivered after %d", s.position, last.position))
		case s.place && !placed(*s):
			faults = append(faults, faultf(misplaced, "place %d is not in the log with that id", s.position))
		case !s.place && last != nil && last.place && s.position <= last.position:
			faults = append(faults, faultf(reordered, "message %d was delivered after place %d, which includes it", s.position, last.position))
		}
		last = s
	}
	got := slices.DeleteFunc(slices.Clone(history), func(s delivery) bool { return s.place })
	for i := range max(len(got), len(want)) {
		if f, ok := compare(got, want, i); !ok {
			return append(faults, f)
		}
	}
	return faults
}

// compare compares the i-th message. It returns a fault and false if it is wrong.
func compare(got, want []delivery, i int) (fault, bool) {
	switch {
	case i >= len(want):
		if slices.Contains(want, got[i]) {
			return faultf(doubled, "message %d was delivered again, after all others", got[i].position), false
		}
		return faultf(invented, "message %d was delivered and is not selected by the subscription", got[i].position), false
	case i >= len(got):
		return faultf(missing, "message %d and %d more were not delivered", want[i].position, len(want)-i-1), false
	case got[i] == want[i]:
		return fault{}, true
	case got[i].position == want[i].position:
		return faultf(changed, "message %d differs from the stored one", got[i].position), false
	case slices.Contains(got[:i], got[i]):
		return faultf(doubled, "message %d was delivered again, after %d", got[i].position, got[i-1].position), false
	case slices.Contains(got[i:], want[i]):
		return faultf(reordered, "message %d was delivered before %d", got[i].position, want[i].position), false
	case !slices.Contains(want, got[i]):
		return faultf(invented, "message %d was delivered and is not selected by the subscription", got[i].position), false
	}
	return faultf(missing, "message %d was not delivered before %d", want[i].position, got[i].position), false
}
