// Package torture tests the promises of the message store under fault injection:
// several servers on one Postgres, which are killed, stopped and disconnected while
// clients write and subscribe. It consists of tests only:
//
//	go test ./internal/check/torture -run TestTorture -v -count=1 -timeout 0 -seed 1 -duration 10m
//
// Writers record the answers to their writes in a ledger, subscribers their events
// in a history. At the end the oracle compares both with the log as read by SQL:
//
//	writers ────▶ ledger ───▶ ┌────────┐
//	                          │ oracle │ ◀── the log, read by SQL
//	subscribers ▶ history ──▶ └────────┘
package torture

import (
	"fmt"

	"videotutorials/messagestore"
)

// A kind classifies faults.
type kind string

const (
	gap       kind = "gap"       // a position without a message
	doubled   kind = "doubled"   // an id, a position or a success exists twice
	missing   kind = "missing"   // something that must exist does not
	half      kind = "half"      // only a part of a write is stored
	reordered kind = "reordered" // delivered in the wrong order
	changed   kind = "changed"   // the content, time or writer differs
	moved     kind = "moved"     // a message is at another position than answered
	invented  kind = "invented"  // a message exists that was not written, or was rejected
	misplaced kind = "misplaced" // a place is not in the log
	failed    kind = "failed"    // a forbidden answer, or none
)

// A fault is a broken promise.
type fault struct {
	kind kind
	text string
}

func faultf(k kind, format string, a ...any) fault { return fault{k, fmt.Sprintf(format, a...)} }

func (f fault) String() string { return string(f.kind) + ": " + f.text }

// checkLog checks a log by itself: positions have no gaps and ids are unique.
func checkLog(log []messagestore.Message) []fault {
	var faults []fault
	ids := map[string]int64{}
	next := map[messagestore.Stream]int64{}
	for i := range log {
		m := &log[i]
		if want := int64(i) + 1; m.GlobalPosition != want {
			return append(faults, faultf(gap, "global position %d instead of %d", m.GlobalPosition, want))
		}
		if m.Position != next[m.Stream] {
			faults = append(faults, faultf(gap, "%s has position %d instead of %d, at %d", m.Stream, m.Position, next[m.Stream], m.GlobalPosition))
		}
		next[m.Stream] = m.Position + 1
		if before, ok := ids[m.ID]; ok {
			faults = append(faults, faultf(doubled, "message %s is at %d and %d", m.ID, before, m.GlobalPosition))
		}
		ids[m.ID] = m.GlobalPosition
	}
	return faults
}

// An outcome is what a writer knows about its write.
type outcome int

const (
	unknown outcome = iota
	acknowledged
	rejected
)

// An entry of the ledger is a call, made once or repeatedly.
type entry struct {
	writes  []messagestore.Write
	writer  messagestore.Principal
	outcome outcome
	written []messagestore.Written // if acknowledged
}

// checkLedger compares the answers with the log. Only the ledger's writers write to
// the categories in mine.
func checkLedger(ledger []*entry, log []messagestore.Message, mine map[messagestore.Category]bool) []fault {
	stored := map[string]*messagestore.Message{}
	for i := range log {
		stored[log[i].ID] = &log[i]
	}
	var faults []fault
	for _, e := range ledger {
		faults = append(faults, e.check(stored)...)
		for _, w := range e.writes {
			for i := range w.Messages {
				delete(stored, w.Messages[i].ID)
			}
		}
	}
	for _, m := range stored {
		if mine[m.Stream.Category()] {
			faults = append(faults, faultf(invented, "%s is at %d and was not written", m.ID, m.GlobalPosition))
		}
	}
	return append(faults, checkRaces(ledger)...)
}

// check compares the entry with its stored messages.
func (e *entry) check(stored map[string]*messagestore.Message) []fault {
	var faults []fault
	count, found := 0, 0
	last := int64(0) // global position of the previous message
	for i, w := range e.writes {
		for n := range w.Messages {
			count++
			m, ok := stored[w.Messages[n].ID]
			if !ok {
				continue
			}
			found++
			faults = append(faults, e.compare(m, &w, n)...)
			if last != 0 && m.GlobalPosition != last+1 {
				faults = append(faults, faultf(half, "%s is at %d, the previous message of its call at %d", m.ID, m.GlobalPosition, last))
			}
			last = m.GlobalPosition
			if e.outcome == acknowledged {
				back := int64(len(w.Messages) - 1 - n)
				if at := e.written[i]; m.Position != at.Position-back || m.GlobalPosition != at.GlobalPosition-back {
					faults = append(faults, faultf(moved, "%s is at %d, %s %d; the answer was %+v for the last of %d",
						m.ID, m.GlobalPosition, m.Stream, m.Position, at, len(w.Messages)))
				}
			}
		}
	}
	first := e.writes[0].Stream
	switch {
	case e.outcome == rejected && found > 0:
		faults = append(faults, faultf(invented, "a write to %s was rejected, but %d of its %d messages are stored", first, found, count))
	case found > 0 && found < count:
		faults = append(faults, faultf(half, "a write to %s: only %d of %d messages are stored", first, found, count))
	case e.outcome == acknowledged && found == 0 && count > 0:
		faults = append(faults, faultf(missing, "a write to %s was acknowledged at %+v but is not stored", first, e.written))
	}
	return faults
}

// compare compares a stored message with the n-th of the write.
func (e *entry) compare(m *messagestore.Message, w *messagestore.Write, n int) []fault {
	sent := &w.Messages[n]
	if m.Stream == w.Stream && m.Type == sent.Type && m.Data == sent.Data && m.Metadata == sent.Metadata && m.Writer == e.writer {
		return nil
	}
	return []fault{faultf(changed, "%s of %s at %d is not what %s wrote to %s", m.ID, m.Stream, m.GlobalPosition, e.writer, w.Stream)}
}

// checkRaces finds two acknowledged writes that expected the same version of a
// stream.
func checkRaces(ledger []*entry) []fault {
	type race struct {
		stream   messagestore.Stream
		expected messagestore.Version
	}
	var faults []fault
	won := map[race]bool{}
	for _, e := range ledger {
		for _, w := range e.writes {
			r := race{w.Stream, w.Expected}
			if e.outcome != acknowledged || len(w.Messages) == 0 || w.Expected < messagestore.None {
				continue
			}
			if won[r] {
				faults = append(faults, faultf(doubled, "two writes that expected version %s of %s were acknowledged", w.Expected, w.Stream))
			}
			won[r] = true
		}
	}
	return faults
}
