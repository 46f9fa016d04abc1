package postgres

import (
	"cmp"
	"slices"

	"videotutorials/messagestore"
)

// What append says of a unit.
const (
	outcomeStored   = "stored"
	outcomeRepeated = "repeated"
	outcomeVersion  = "version"
	outcomeID       = "id"
	outcomeOwner    = "owner"
)

// verdicts returns what each unit of the group gets, and the messages that were
// stored, in the global order and as Postgres prints them; claims are those of
// the claims among them.
func (g *group) verdicts(a *appended, claims messagestore.Principal) ([]verdict, []messagestore.Message) {
	if a.Outcomes == nil {
		a.allStored(g)
	}
	verdicts := make([]verdict, 0, len(g.units))
	stored := make([]messagestore.Message, 0, len(a.PrintedData))
	write, first := 0, 0 // the first write and message of the unit
	for n, u := range g.units {
		switch a.Outcomes[n] {
		case outcomeVersion:
			w := g.writeAt(int(*a.Conflicts[n]))
			verdicts = append(verdicts, verdict{err: &messagestore.VersionConflictError{
				Stream: w.Stream, Expected: w.Expected, Actual: messagestore.Version(*a.ActualVersions[n]),
			}})
		case outcomeOwner:
			verdicts = append(verdicts, verdict{err: &messagestore.NotOwnerError{
				Category: g.writeAt(int(*a.Conflicts[n])).Stream.Category(), Owner: messagestore.Principal(*a.Owners[n]),
			}})
		case outcomeID:
			verdicts = append(verdicts, verdict{err: &messagestore.IDConflictError{
				ID:           u.messages[int(*a.Conflicts[n])-first-1].id.String(),
				StoredStream: messagestore.Stream(*a.IDStreams[n]),
			}})
		default:
			written := make([]messagestore.Written, len(u.writes))
			for i := range u.writes {
				written[i] = messagestore.Written{
					Position: *a.Positions[write+i], GlobalPosition: *a.GlobalPositions[write+i],
					AlreadyStored: a.Outcomes[n] == outcomeRepeated && len(u.writes[i].Messages) > 0,
				}
			}
			verdicts = append(verdicts, verdict{written: written})
			if a.Outcomes[n] == outcomeStored {
				stored = u.appendStored(stored, written, a)
			}
		}
		write += len(u.writes)
		first += len(u.messages)
	}
	return verdicts, a.withClaims(stored, claims)
}

// withClaims puts the claims where they are in the global order.
func (a *appended) withClaims(stored []messagestore.Message, writer messagestore.Principal) []messagestore.Message {
	if len(a.ClaimGlobals) == 0 {
		return stored
	}
	for i := range a.ClaimGlobals {
		stored = append(stored, messagestore.Message{
			ID: a.ClaimIDs[i].String(), Stream: messagestore.Stream(a.ClaimStreams[i]), Type: a.ClaimTypes[i],
			Data: a.ClaimDatas[i], Metadata: "{}", Position: a.ClaimPositions[i], GlobalPosition: a.ClaimGlobals[i],
			Time: a.StoredAt.UTC(), Writer: writer,
		})
	}
	slices.SortFunc(stored, func(x, y messagestore.Message) int { return cmp.Compare(x.GlobalPosition, y.GlobalPosition) })
	return stored
}

// allStored fills in what append leaves out where each unit is stored.
func (a *appended) allStored(g *group) {
	next := map[messagestore.Stream]int64{} // the version of each stream, as the group goes on
	place, global := 0, a.Head
	for _, u := range g.units {
		a.Outcomes = append(a.Outcomes, outcomeStored)
		for _, w := range u.writes {
			if _, ok := next[w.Stream]; !ok {
				next[w.Stream] = a.Versions[place] // the streams come in this order
				place++
			}
			next[w.Stream] += int64(len(w.Messages))
			global += int64(len(w.Messages))
			position, last := next[w.Stream], global
			if len(w.Messages) == 0 {
				last = 0
			}
			a.Positions = append(a.Positions, &position)
			a.GlobalPositions = append(a.GlobalPositions, &last)
		}
	}
}

// appendStored appends the unit's messages, which were stored, to those stored
// before it.
func (u *unit) appendStored(stored []messagestore.Message, written []messagestore.Written, a *appended) []messagestore.Message {
	m := 0
	for i, w := range u.writes {
		for n := range w.Messages {
			stored = append(stored, messagestore.Message{
				ID: u.messages[m].id.String(), Stream: w.Stream, Type: u.messages[m].kind,
				Data: a.PrintedData[len(stored)], Metadata: a.PrintedMetadata[len(stored)],
				Position:       written[i].Position - int64(len(w.Messages)-1-n),
				GlobalPosition: written[i].GlobalPosition - int64(len(w.Messages)-1-n),
				Time:           a.StoredAt.UTC(), Writer: u.writer,
			})
			m++
		}
	}
	return stored
}

// writeAt returns the n-th write of the group, counted from 1.
func (g *group) writeAt(n int) *messagestore.Write {
	for _, u := range g.units {
		if n <= len(u.writes) {
			return &u.writes[n-1]
		}
		n -= len(u.writes)
	}
	panic("append names a write that the group does not have")
}
