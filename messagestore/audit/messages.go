package audit

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"videotutorials/messagestore"
)

// sqlDoorWriters is the prefix of the principals of the SQL door, which stores data
// that is not a JSON object, as Message DB does.
const sqlDoorWriters = "sql:"

// A row is a message as it is stored. Columns that the schema declares not null may
// be null.
type row struct {
	globalPosition, position    pgtype.Int8
	id                          pgtype.UUID
	stream, messageType, writer pgtype.Text
	missing                     pgtype.Text // the names of the columns without a value
	badData, badMetadata        pgtype.Text // their JSON types, if they are not objects
	claim                       pgtype.Text // the data, in category ownership
}

// messages verifies the messages in global order.
func (r *run) messages(ctx context.Context, tx pgx.Tx) error {
	owners := &owners{self: r.self, report: r.add, owned: map[string]*owned{}}
	positions := newConsumerPositions(r.checkpoints, r.add)
	var m row
	err := r.each(ctx, tx, "messages", []any{
		&m.globalPosition, &m.position, &m.id, &m.stream, &m.messageType, &m.writer, &m.missing, &m.badData, &m.badMetadata, &m.claim,
	}, func() {
		r.summary.Messages++
		if messagestore.Principal(m.writer.String) == messagestore.Anonymous {
			r.summary.Anonymous++
		}
		if m.globalPosition.Valid {
			r.checkGlobalPosition(m.globalPosition.Int64)
			positions.next(m.globalPosition.Int64, m.id)
		}
		r.checkContent(&m)
		owners.next(&m)
	})
	if err != nil {
		return err
	}
	owners.end()
	positions.end(r.summary.Head)
	return nil
}

// checkGlobalPosition verifies that n follows the head, and moves the head.
func (r *run) checkGlobalPosition(n int64) {
	switch head := r.summary.Head; {
	case n < 1:
		r.add(Damage{Kind: OutOfRange, Stream: All, Position: n, LastPosition: n})
		return
	case n == head:
		r.add(Damage{Kind: DuplicatePosition, Stream: All, Position: n, LastPosition: n})
	case n > head+1:
		r.add(Damage{Kind: Missing, Stream: All, Position: head + 1, LastPosition: n - 1})
	}
	r.summary.Head = n
}

// checkContent verifies a message by itself.
func (r *run) checkContent(m *row) {
	if m.missing.Valid {
		r.add(m.damage(NoValue, m.missing.String))
	}
	if err := checkStream(messagestore.Stream(m.stream.String)); err != nil && m.stream.Valid {
		r.add(m.damage(BadName, err.Error()))
	}
	if err := messagestore.CheckType(m.messageType.String); err != nil && m.messageType.Valid {
		r.add(m.damage(BadType, err.Error()))
	}
	if m.badData.Valid && !strings.HasPrefix(m.writer.String, sqlDoorWriters) {
		r.add(m.damage(BadData, "is "+m.badData.String))
	}
	if m.badMetadata.Valid {
		r.add(m.damage(BadMetadata, "is "+m.badMetadata.String))
	}
}

// checkStream is Stream.Check, except for the length of streams of claims, whose
// names contain the name of a category.
func checkStream(s messagestore.Stream) error {
	if s.Category() == messagestore.OwnershipCategory && s.ID() != "" {
		return messagestore.Category(s.ID()).Check()
	}
	return s.Check()
}

func (m *row) damage(kind Kind, detail string) Damage {
	return Damage{
		Kind: kind, Stream: messagestore.Stream(m.stream.String), Position: m.position.Int64, LastPosition: m.position.Int64,
		GlobalPosition: m.globalPosition.Int64, Detail: detail,
	}
}
