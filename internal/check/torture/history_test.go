package torture

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"videotutorials/messagestore"
)

// A sign is what a follower was given: a message, or a place up to which all was
// delivered or skipped. It is small, since a long run has many.
type sign struct {
	position int64 // in the positions of the source
	mark     mark
	place    bool
}

// A mark stands for all of a message, or for the id of a place.
type mark [16]byte

// signOf returns the sign of a message. Two messages that differ in anything have
// two signs.
func signOf(source messagestore.Source, m *messagestore.Message) sign {
	return sign{position: source.Place(m).Position, mark: markOf(fmt.Sprintf("%q %q %q %q %q %q %d %d %d",
		m.ID, m.Stream, m.Type, m.Data, m.Metadata, m.Writer, m.Position, m.GlobalPosition, m.Time.UnixNano()))}
}

func placeSign(p messagestore.Place) sign {
	return sign{position: p.Position, mark: markOf(p.ID), place: true}
}

func markOf(text string) mark {
	sum := sha256.Sum256([]byte(text))
	return mark(sum[:len(mark{})])
}

// checkHistory compares what a follower was given with the messages that pass its
// subscription, and its places with the log, both in the positions of the source.
// It stops at the first message that is wrong: the rest follows from it.
func checkHistory(history, want []sign, placed func(sign) bool) []fault {
	var faults []fault
	var last *sign
	for i := range history {
		s := &history[i]
		switch {
		case s.place && last != nil && s.position < last.position:
			faults = append(faults, faultf(reordered, "the place %d came after %d", s.position, last.position))
		case s.place && !placed(*s):
			faults = append(faults, faultf(misplaced, "the place %d is not in the log with that id", s.position))
		case !s.place && last != nil && last.place && s.position <= last.position:
			faults = append(faults, faultf(reordered, "message %d came after the place %d, by which it was to be delivered", s.position, last.position))
		}
		last = s
	}
	got := slices.DeleteFunc(slices.Clone(history), func(s sign) bool { return s.place })
	for i := range max(len(got), len(want)) {
		if f, ok := compare(got, want, i); !ok {
			return append(faults, f)
		}
	}
	return faults
}

// compare compares the i-th message.
func compare(got, want []sign, i int) (fault, bool) {
	switch {
	case i >= len(want):
		if slices.Contains(want, got[i]) {
			return faultf(doubled, "message %d came again, after all others", got[i].position), false
		}
		return faultf(invented, "message %d came and is not one of the subscription", got[i].position), false
	case i >= len(got):
		return faultf(missing, "message %d and %d more did not come", want[i].position, len(want)-i-1), false
	case got[i] == want[i]:
		return fault{}, true
	case got[i].position == want[i].position:
		return faultf(changed, "message %d is not what is stored", got[i].position), false
	case slices.Contains(got[:i], got[i]):
		return faultf(doubled, "message %d came again, after %d", got[i].position, got[i-1].position), false
	case slices.Contains(got[i:], want[i]):
		return faultf(reordered, "message %d came before %d", got[i].position, want[i].position), false
	case !slices.Contains(want, got[i]):
		return faultf(invented, "message %d came and is not one of the subscription", got[i].position), false
	}
	return faultf(missing, "message %d did not come before %d", want[i].position, got[i].position), false
}
