package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// A message is a checked message of a unit.
type message struct {
	id             uuid.UUID
	kind           string
	data, metadata string
	bytes          int
}

// A unit holds the writes of one call, which are stored all or none.
type unit struct {
	writes   []messagestore.Write
	messages []message // of all writes, in order
	bytes    int
	writer   messagestore.Principal
	err      error // the reason why the unit was not queued

	ctx    context.Context // the caller's, with writeTimeout; units are dropped after its end
	cancel context.CancelFunc
	done   chan result // buffered
}

// A result is the outcome of one unit.
type result struct {
	written []messagestore.Written
	err     error
}

// A group is a commit group: units that one transaction stores.
type group struct {
	units    []*unit
	writes   int
	messages int
	bytes    int
	ids      map[uuid.UUID]bool
}

// add adds the unit to the group and reports whether it fits: within the limits of a
// call, since larger groups are not faster, without an id of the group, and a claim
// only alone, as append requires.
func (g *group) add(u *unit) bool {
	if len(g.units) > 0 && (g.messages+len(u.messages) > maxCallMessages || g.bytes+u.bytes > maxCallBytes ||
		g.writes+len(u.writes) > maxCallWrites || g.units[0].isClaim() || u.isClaim()) {
		return false
	}
	for i := range u.messages {
		if g.ids[u.messages[i].id] {
			return false
		}
	}
	if g.ids == nil {
		g.ids = map[uuid.UUID]bool{}
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

// arguments returns the arguments of message_store.append, in its order. Indexes
// are those of Postgres, which start at 1.
func (g *group) arguments(o *ownership) []any {
	var (
		policy                                   = o.current()
		names, kinds, pinned                     = []string{}, []string{}, []*string{} // of each owned category or stream
		ownedIndex                               = map[string]int32{}
		writeWriters, writeOwned                 = []string{}, []int32{}
		streams, streamIndex                     = []string{}, map[messagestore.Stream]int32{}
		counts                                   = []int32{} // of each stream: its messages so far
		unitWrites, unitMessages                 = []int32{}, []int32{}
		writeStreams, writeMessages, writeBefore = []int32{}, []int32{}, []int32{}
		writeExpected                            = []int64{}
		messageStreams, nth                      = make([]int32, 0, g.messages), make([]int32, 0, g.messages)
		ordinals                                 = make([]int16, 0, g.messages)
		ids                                      = make([][16]byte, 0, g.messages)
		types, writers                           = make([]string, 0, g.messages), make([]string, 0, g.messages)
		datas, metadatas                         = make([]string, 0, g.messages), make([]string, 0, g.messages)
	)
	for _, u := range g.units {
		unitWrites = append(unitWrites, int32(len(u.writes)))
		unitMessages = append(unitMessages, int32(len(u.messages)))
		for _, w := range u.writes {
			stream, ok := streamIndex[w.Stream]
			if !ok {
				streams, counts = append(streams, string(w.Stream)), append(counts, 0)
				stream = int32(len(streams))
				streamIndex[w.Stream] = stream
			}
			writeStreams = append(writeStreams, stream)
			writeExpected = append(writeExpected, int64(w.Expected))
			writeMessages = append(writeMessages, int32(len(w.Messages)))
			writeBefore = append(writeBefore, counts[stream-1])
			writeWriters = append(writeWriters, string(u.writer))
			index := int32(0)
			if owned, ok := o.of(policy, w.Stream); ok && len(w.Messages) > 0 {
				if index, ok = ownedIndex[owned.name]; !ok {
					names, kinds, pinned = append(names, owned.name), append(kinds, owned.kind), append(pinned, owned.pinned)
					index = int32(len(names))
					ownedIndex[owned.name] = index
				}
			}
			writeOwned = append(writeOwned, index)
			for range w.Messages {
				counts[stream-1]++
				messageStreams, nth = append(messageStreams, stream), append(nth, counts[stream-1])
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
		messageStreams, nth, ordinals, ids, types, writers, datas, metadatas,
	}
}

// appended is the row that message_store.append returns.
type appended struct {
	Head            int64
	HeadID          *string
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
	ClaimIDs        []string
	ClaimStreams    []string
	ClaimTypes      []string
	ClaimDatas      []string
}

const appendSQL = `select * from message_store.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`

// store runs the group as one statement, which has committed when store returns
// without an error. It must not run in a caller's context: pgx cancels the
// statement with it, which would make a commit visible that still waits for a
// synchronous standby.
func (g *group) store(ctx context.Context, conn *pgx.Conn, o *ownership) (*appended, error) {
	rows, _ := conn.Query(ctx, appendSQL, g.arguments(o)...) // CollectExactlyOneRow returns the error
	return pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[appended])
}

// headBefore returns the head before the group.
func (a *appended) headBefore() messagestore.Place {
	if a.HeadID == nil {
		return messagestore.Place{}
	}
	return messagestore.Place{Position: a.Head, ID: *a.HeadID}
}
