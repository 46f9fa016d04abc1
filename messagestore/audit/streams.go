package audit

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"videotutorials/messagestore"
)

//go:embed sql/streams.sql
var streamsSQL string

// streams looks at the positions in each stream, one stream after the other.
func (w *walk) streams(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, streamsSQL)
	if err != nil {
		return err
	}
	var at stream
	var name messagestore.Stream
	var position int64
	var global pgtype.Int8
	_, err = pgx.ForEachRow(rows, []any{&name, &position, &global}, func() error {
		w.progress.rows.Add(1)
		if w.summary.Streams == 0 || name != at.name {
			w.summary.Streams++
			at = stream{name: name, last: -1}
		}
		at.pass(position, global, w.add)
		return w.err
	})
	return err
}

// A stream is where the walk through one stream is.
type stream struct {
	name   messagestore.Stream
	last   int64 // position, -1 before the first
	global pgtype.Int8
}

// pass looks at the next position.
func (s *stream) pass(position int64, global pgtype.Int8, report func(Damage)) {
	damage := Damage{Stream: s.name, Position: position, LastPosition: position}
	if position < 0 {
		damage.Kind = OutOfRange
		report(damage)
		return
	}
	if position == s.last {
		damage.Kind = DuplicatePosition
		report(damage)
		return
	}
	if position > s.last+1 {
		report(Damage{Kind: Missing, Stream: s.name, Position: s.last + 1, LastPosition: position - 1})
	}
	if global.Valid && s.global.Valid && global.Int64 < s.global.Int64 {
		damage.Kind, damage.GlobalPosition = OutOfOrder, global.Int64
		damage.Detail = fmt.Sprintf("the one before is at %d", s.global.Int64)
		report(damage)
	}
	s.last, s.global = position, global
}
