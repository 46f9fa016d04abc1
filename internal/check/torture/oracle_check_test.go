// Package torture holds the message store to its promises while several servers
// on one Postgres write, and the servers and Postgres are killed, stopped and cut
// off. It is a test and nothing else:
//
//	go test ./internal/check/torture -run TestTorture -v -count=1 -timeout 0 -seed 1 -duration 10m
//
// Writers keep a ledger of what they were answered, followers a history of what
// they were given. In the end the oracle compares both with the log that SQL
// shows:
//
//	writers ──▶ ledger ───▶ ┌────────┐
//	                        │ oracle │ ◀── the log, read by SQL
//	followers ─▶ history ─▶ └────────┘
package torture

import (
	"fmt"

	"videotutorials/messagestore"
)

// A kind is what is wrong.
type kind string

const (
	gap       kind = "gap"       // a position that no message has
	doubled   kind = "doubled"   // an id, a position or a success that is there twice
	missing   kind = "missing"   // what must be there and is not
	half      kind = "half"      // a part of a write
	reordered kind = "reordered" // what comes after something that it precedes
	changed   kind = "changed"   // other bytes, another time, another writer
	moved     kind = "moved"     // a message at another place than was answered
	invented  kind = "invented"  // what nobody wrote, or what was refused
	misplaced kind = "misplaced" // a place that the log does not have
	failed    kind = "failed"    // an answer that may not be, or none
)

// A fault is a promise that was broken.
type fault struct {
	kind kind
	text string
}

func faultf(k kind, format string, a ...any) fault { return fault{k, fmt.Sprintf(format, a...)} }

func (f fault) String() string { return string(f.kind) + ": " + f.text }

// checkLog finds what is wrong with a log by itself: positions are dense, ids are
// there once.
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

// An outcome is what a writer knows of its write.
type outcome int

const (
	unknown outcome = iota
	acknowledged
	refused
)

// An entry of the ledger is a call that was made, perhaps several times.
type entry struct {
	writes  []messagestore.Write
	writer  messagestore.Principal
	outcome outcome
	written []messagestore.Written // if acknowledged
}

// checkLedger compares what was answered with the log. mine are the categories to
// which nobody but the ledger's writers writes.
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
			faults = append(faults, faultf(invented, "%s is at %d, and nobody wrote it", m.ID, m.GlobalPosition))
		}
	}
	return append(faults, checkRaces(ledger)...)
}

// check compares the entry with what is stored of it.
func (e *entry) check(stored map[string]*messagestore.Message) []fault {
	var faults []fault
	count, found := 0, 0
	last := int64(0) // the global position of the message before
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
				faults = append(faults, faultf(half, "%s is at %d, the message before it in its call at %d", m.ID, m.GlobalPosition, last))
			}
			last = m.GlobalPosition
			if e.outcome == acknowledged {
				back := int64(len(w.Messages) - 1 - n)
				if at := e.written[i]; m.Position != at.Position-back || m.GlobalPosition != at.GlobalPosition-back {
					faults = append(faults, faultf(moved, "%s is at %d, %s %d; answered was %+v for the last of %d",
						m.ID, m.GlobalPosition, m.Stream, m.Position, at, len(w.Messages)))
				}
			}
		}
	}
	first := e.writes[0].Stream
	switch {
	case e.outcome == refused && found > 0:
		faults = append(faults, faultf(invented, "a write to %s was refused, and %d of its %d messages are stored", first, found, count))
	case found > 0 && found < count:
		faults = append(faults, faultf(half, "of a write to %s %d of %d messages are stored", first, found, count))
	case e.outcome == acknowledged && found == 0 && count > 0:
		faults = append(faults, faultf(missing, "a write to %s was acknowledged at %+v, and is not stored", first, e.written))
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

// checkRaces finds those who expected the same version of a stream and both won.
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
				faults = append(faults, faultf(doubled, "two writes expected version %s of %s, and both were acknowledged", w.Expected, w.Stream))
			}
			won[r] = true
		}
	}
	return faults
}
