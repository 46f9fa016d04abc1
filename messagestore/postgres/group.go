package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// A message is a checked message of a unit.
type message struct {
	id             uuid
	kind           string
	data, metadata string
	bytes          int
}

// A unit is what one call writes: all of it or nothing.
type unit struct {
	writes   []messagestore.Write
	messages []message // of all writes, in order
	bytes    int
	writer   messagestore.Principal

	ctx  context.Context // the caller's: it only says whether somebody still waits
	done chan verdict    // holds one
}

// A verdict is what a caller gets.
type verdict struct {
	written []messagestore.Written
	err     error
}

func (u *unit) answer(v verdict) { u.done <- v }

// A group is units that one transaction stores.
type group struct {
	units    []*unit
	writes   int
	messages int
	bytes    int
	ids      map[uuid]bool
}

// The bounds of a group: more would not be faster, and all of it waits together.
const (
	maxGroupMessages = maxCallMessages
	maxGroupWrites   = maxCallWrites
	maxGroupBytes    = maxCallBytes
)

// add takes the unit into the group and reports whether it could: within the
// bounds, no id twice, and no claim beside others, which the function relies on.
func (g *group) add(u *unit) bool {
	if len(g.units) > 0 && (g.messages+len(u.messages) > maxGroupMessages || g.bytes+u.bytes > maxGroupBytes ||
		g.writes+len(u.writes) > maxGroupWrites || g.units[0].isClaim() || u.isClaim()) {
		return false
	}
	for i := range u.messages {
		if g.ids[u.messages[i].id] {
			return false
		}
	}
	if g.ids == nil {
		g.ids = map[uuid]bool{}
	}
	for i := range u.messages {
		g.ids[u.messages[i].id] = true
	}
	g.units = append(g.units, u)
	g.writes += len(u.writes)
	g.messages += len(u.messages)
	g.bytes += u.bytes
	return true
}

// arguments are those of message_store.append, in its order.
func (g *group) arguments(o *ownership) []any {
	var (
		policy                                   = o.now()
		names, kinds, pinned                     = []string{}, []string{}, []*string{} // of what has an owner
		ownedAt                                  = map[string]int32{}
		writeWriters, writeOwned                 = []string{}, []int32{}
		streams, placeOf                         = []string{}, map[messagestore.Stream]int32{}
		counts                                   = []int32{} // of each stream: how many messages for it so far
		unitWrites, unitMessages                 = []int32{}, []int32{}
		writeStreams, writeMessages, writeBefore = []int32{}, []int32{}, []int32{}
		writeExpected                            = []int64{}
		places, nth                              = make([]int32, 0, g.messages), make([]int32, 0, g.messages)
		ordinals                                 = make([]int16, 0, g.messages)
		ids                                      = make([][16]byte, 0, g.messages)
		types, writers                           = make([]string, 0, g.messages), make([]string, 0, g.messages)
		datas, metadatas                         = make([]string, 0, g.messages), make([]string, 0, g.messages)
	)
	for _, u := range g.units {
		unitWrites = append(unitWrites, int32(len(u.writes)))
		unitMessages = append(unitMessages, int32(len(u.messages)))
		for _, w := range u.writes {
			place, ok := placeOf[w.Stream]
			if !ok {
				streams, counts = append(streams, string(w.Stream)), append(counts, 0)
				place = int32(len(streams)) // Postgres counts from 1
				placeOf[w.Stream] = place
			}
			writeStreams = append(writeStreams, place)
			writeExpected = append(writeExpected, int64(w.Expected))
			writeMessages = append(writeMessages, int32(len(w.Messages)))
			writeBefore = append(writeBefore, counts[place-1])
			writeWriters = append(writeWriters, string(u.writer))
			at := int32(0)
			if thing, ok := o.of(policy, w.Stream); ok && len(w.Messages) > 0 {
				if at, ok = ownedAt[thing.name]; !ok {
					names, kinds, pinned = append(names, thing.name), append(kinds, thing.kind), append(pinned, thing.pinned)
					at = int32(len(names))
					ownedAt[thing.name] = at
				}
			}
			writeOwned = append(writeOwned, at)
			for range w.Messages {
				counts[place-1]++
				places, nth = append(places, place), append(nth, counts[place-1])
			}
		}
		for i := range u.messages {
			m := &u.messages[i]
			ordinals = append(ordinals, int16(i))
			ids = append(ids, m.id)
			types, writers = append(types, m.kind), append(writers, string(u.writer))
			datas, metadatas = append(datas, m.data), append(metadatas, m.metadata)
		}
	}
	return []any{
		streams, unitWrites, unitMessages, writeStreams, writeExpected, writeMessages, writeBefore,
		writeWriters, writeOwned, names, kinds, pinned, o.self,
		places, nth, ordinals, ids, types, writers, datas, metadatas,
	}
}

// appended is what message_store.append returns.
type appended struct {
	Head            int64
	HeadID          *uuid
	StoredAt        time.Time
	Versions        []int64
	PrintedData     []string
	PrintedMetadata []string
	Outcomes        []string
	Conflicts       []*int32
	ActualVersions  []*int64
	IDStreams       []*string
	Owners          []*string
	Positions       []*int64
	GlobalPositions []*int64
	ClaimGlobals    []int64
	ClaimPositions  []int64
	ClaimIDs        []uuid
	ClaimStreams    []string
	ClaimTypes      []string
	ClaimDatas      []string
}

const appendSQL = `select * from message_store.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`

// store runs the group as one statement, whose transaction has committed when it
// returns without an error. It must not run under a caller's context: pgx cancels
// the statement with it, and a commit that waits for a standby would be seen
// before the standby has it.
func (g *group) store(ctx context.Context, conn *pgx.Conn, o *ownership) (*appended, error) {
	rows, err := conn.Query(ctx, appendSQL, g.arguments(o)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[appended])
}

// before returns the place of the last message before the group.
func (a *appended) before() messagestore.Place {
	if a.HeadID == nil {
		return messagestore.Place{}
	}
	return messagestore.Place{Position: a.Head, ID: a.HeadID.String()}
}
