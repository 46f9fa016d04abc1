package postgres

import (
	"cmp"
	"slices"

	"videotutorials/messagestore"
)

// The outcomes of a unit that append returns.
const (
	outcomeStored   = "stored"
	outcomeRepeated = "repeated"
	outcomeVersion  = "version"
	outcomeID       = "id"
	outcomeOwner    = "owner"
)

// results returns the result of each unit of the group, and the stored messages in
// global order as Postgres prints them. self is the writer of the claims among
// them.
func (g *group) results(a *appended, self messagestore.Principal) ([]result, []messagestore.Message) {
	if a.Outcomes == nil {
		a.fillStored(g)
	}
	results := make([]result, len(g.units))
	stored := make([]messagestore.Message, 0, len(a.PrintedData))
	write, first := 0, 0 // of the group, before the unit
	for n, u := range g.units {
		r := &results[n]
		switch a.Outcomes[n] {
		case outcomeVersion:
			w := &u.writes[int(*a.Conflicts[n])-write-1]
			r.err = &messagestore.VersionConflictError{
				Stream: w.Stream, Expected: w.Expected, Actual: messagestore.Version(*a.ActualVersions[n]),
			}
		case outcomeOwner:
			category := u.writes[int(*a.Conflicts[n])-write-1].Stream.Category()
			r.err = &messagestore.NotOwnerError{Category: category, Owner: messagestore.Principal(*a.Owners[n])}
		case outcomeID:
			id := u.messages[int(*a.Conflicts[n])-first-1].id.String()
			r.err = &messagestore.IDConflictError{ID: id, StoredStream: messagestore.Stream(*a.IDStreams[n])}
		default:
			for i := range u.writes {
				r.written = append(r.written, messagestore.Written{
					Position: *a.Positions[write+i], GlobalPosition: *a.GlobalPositions[write+i],
					AlreadyStored: a.Outcomes[n] == outcomeRepeated && len(u.writes[i].Messages) > 0,
				})
			}
			if a.Outcomes[n] == outcomeStored {
				stored = u.appendStored(stored, r.written, a)
			}
		}
		write += len(u.writes)
		first += len(u.messages)
	}
	return results, a.addClaims(stored, self)
}

// addClaims adds the claims at their positions in the global order.
func (a *appended) addClaims(stored []messagestore.Message, writer messagestore.Principal) []messagestore.Message {
	if len(a.ClaimGlobals) == 0 {
		return stored
	}
	for i := range a.ClaimGlobals {
		stored = append(stored, messagestore.Message{
			ID: a.ClaimIDs[i], Stream: messagestore.Stream(a.ClaimStreams[i]), Type: a.ClaimTypes[i],
			Data: a.ClaimDatas[i], Metadata: "{}", Position: a.ClaimPositions[i], GlobalPosition: a.ClaimGlobals[i],
			Time: a.StoredAt.UTC(), Writer: writer,
		})
	}
	slices.SortFunc(stored, func(x, y messagestore.Message) int { return cmp.Compare(x.GlobalPosition, y.GlobalPosition) })
	return stored
}

// fillStored sets the columns that append leaves out when every unit is stored.
func (a *appended) fillStored(g *group) {
	version := map[messagestore.Stream]int64{}
	global := a.Head
	for _, u := range g.units {
		a.Outcomes = append(a.Outcomes, outcomeStored)
		for _, w := range u.writes {
			if _, ok := version[w.Stream]; !ok {
				version[w.Stream] = a.Versions[len(version)] // in the order of group.arguments
			}
			version[w.Stream] += int64(len(w.Messages))
			global += int64(len(w.Messages))
			position, last := version[w.Stream], global
			if len(w.Messages) == 0 {
				last = 0
			}
			a.Positions = append(a.Positions, &position)
			a.GlobalPositions = append(a.GlobalPositions, &last)
		}
	}
}

// appendStored appends the messages of a stored unit to those stored before it.
func (u *unit) appendStored(stored []messagestore.Message, written []messagestore.Written, a *appended) []messagestore.Message {
	m := 0
	for i, w := range u.writes {
		for n := range w.Messages {
			after := int64(len(w.Messages) - 1 - n) // messages of the write after this one
			stored = append(stored, messagestore.Message{
				ID: u.messages[m].id.String(), Stream: w.Stream, Type: u.messages[m].kind,
				Data: a.PrintedData[len(stored)], Metadata: a.PrintedMetadata[len(stored)],
				Position: written[i].Position - after, GlobalPosition: written[i].GlobalPosition - after,
				Time: a.StoredAt.UTC(), Writer: u.writer,
			})
			m++
		}
	}
	return stored
}
