package audit

import (
	"context"
	_ "embed"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"videotutorials/messagestore"
)

// doorWriters begins the names of those who write through the SQL door, which
// keeps data that is no JSON object, as Message DB does.
const doorWriters = "sql:"

//go:embed sql/messages.sql
var messagesSQL string

// A row is a message as it lies there. What the schema forbids to be null may be.
type row struct {
	globalPosition, position pgtype.Int8
	id                       pgtype.UUID
	stream, kind, writer     pgtype.Text
	timeless                 bool
	// badData and badMetadata say what they are where they are no objects.
	badData, badMetadata pgtype.Text
	claim                pgtype.Text // data, of category ownership
}

// messages looks at the messages in global order.
func (w *walk) messages(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, messagesSQL)
	if err != nil {
		return err
	}
	owners := newOwners(w.self, w.add)
	places := newPlaces(w.checkpoints, w.add)
	var m row
	columns := []any{
		&m.globalPosition, &m.position, &m.id, &m.stream, &m.kind, &m.writer, &m.timeless, &m.badData, &m.badMetadata, &m.claim,
	}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		w.progress.rows.Add(1)
		w.summary.Messages++
		if messagestore.Principal(m.writer.String) == messagestore.Anonymous {
			w.summary.Anonymous++
		}
		if m.globalPosition.Valid {
			w.number(m.globalPosition.Int64)
			places.pass(m.globalPosition.Int64, m.id)
		}
		w.content(&m)
		owners.pass(&m)
		return w.err
	})
	if err != nil {
		return err
	}
	owners.end()
	places.end(w.summary.Head)
	return nil
}

// number looks at the next global position. Head is the one before.
func (w *walk) number(n int64) {
	switch head := w.summary.Head; {
	case n < 1:
		w.add(Damage{Kind: OutOfRange, Stream: All, Position: n, LastPosition: n})
		return
	case n == head:
		w.add(Damage{Kind: DuplicatePosition, Stream: All, Position: n, LastPosition: n})
	case n > head+1:
		w.add(Damage{Kind: Missing, Stream: All, Position: head + 1, LastPosition: n - 1})
	}
	w.summary.Head = n
}

// content looks at what can be wrong with a message alone.
func (w *walk) content(m *row) {
	if none := m.none(); none != "" {
		w.add(m.damage(NoValue, none))
	}
	if err := checkStream(messagestore.Stream(m.stream.String)); err != nil && m.stream.Valid {
		w.add(m.damage(BadName, err.Error()))
	}
	if err := messagestore.CheckType(m.kind.String); err != nil && m.kind.Valid {
		w.add(m.damage(BadType, err.Error()))
	}
	if m.badData.Valid && !strings.HasPrefix(m.writer.String, doorWriters) {
		w.add(m.damage(BadData, "is "+m.badData.String))
	}
	if m.badMetadata.Valid {
		w.add(m.damage(BadMetadata, "is "+m.badMetadata.String))
	}
}

// checkStream is Stream.Check, but for the length of the store's own streams,
// whose names hold the name of a category.
func checkStream(s messagestore.Stream) error {
	if s.Category() == messagestore.OwnershipCategory && s.ID() != "" {
		return messagestore.Category(s.ID()).Check()
	}
	return s.Check()
}

// none names what has no value and must have one.
func (m *row) none() string {
	var names []string
	for _, column := range []struct {
		name string
		none bool
	}{
		{"global position", !m.globalPosition.Valid},
		{"position", !m.position.Valid},
		{"id", !m.id.Valid},
		{"stream", !m.stream.Valid},
		{"type", !m.kind.Valid},
		{"writer", m.writer.String == ""},
		{"time", m.timeless},
	} {
		if column.none {
			names = append(names, column.name)
		}
	}
	return strings.Join(names, ", ")
}

func (m *row) damage(kind Kind, detail string) Damage {
	return Damage{
		Kind: kind, Stream: messagestore.Stream(m.stream.String), Position: m.position.Int64, LastPosition: m.position.Int64,
		GlobalPosition: m.globalPosition.Int64, Detail: detail,
	}
}
