package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// The bounds of a page. Who reads holds one as long as his client does not take it:
// where all together come to maxHeldBytes a page is one of minPageBytes, or of one
// message.
const (
	maxPageMessages = 1000
	maxPageBytes    = 1 << 20
	minPageBytes    = 32 << 10
	maxHeldBytes    = 256 << 20
	maxPageScanned  = 10_000
)

// A pageRequest says what to read next; see message_store.page.
type pageRequest struct {
	source   messagestore.Source
	filter   *messagestore.Filter
	start    int64
	afterID  *uuid // nil: not proven
	bound    int64
	backward bool
	limit    int64 // 0: none
}

// A page is what was read.
type page struct {
	messages []messagestore.Message
	// upTo is the last place that was looked at, in the positions of the source;
	// nil where there was nothing to look at.
	upTo *messagestore.Place
	// end: nothing is left up to the bound.
	end bool
}

// errOtherLog: the message before the start is another one.
var errOtherLog = errors.New("the place is not in the log")

type pageRow struct {
	GlobalPosition, Position             *int64
	Time                                 *time.Time
	ID                                   *uuid
	Stream, Type, Writer, Data, Metadata *string
}

const pageSQL = "select * from message_store.page($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"

// A querier is a connection, or a pool of them.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// page reads a page over the connection. It returns errOtherLog where the place
// before the start is not as afterID says.
func (s *Store) page(ctx context.Context, conn querier, r pageRequest) (page, error) {
	f := r.filter
	var member, size *int32
	if f.Group != nil {
		member, size = &f.Group.Member, &f.Group.Size
	}
	limit := int64(maxPageMessages)
	if r.limit > 0 {
		limit = min(limit, r.limit)
	}
	s.metrics.pages.Inc()
	rows, err := conn.Query(ctx, pageSQL, absent(r.source.Stream), r.source.Categories, r.start, r.afterID, r.bound, r.backward,
		f.Types, member, size, absent(f.Origin), absent(f.Correlation), limit, s.pageBytes(), maxPageScanned)
	if err != nil {
		return page{}, translate(ctx, err)
	}
	var p page
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pageRow])
	if err != nil {
		return page{}, translate(ctx, err)
	}
	if len(found) == 0 {
		return page{}, errOtherLog
	}
	for i := range found[:len(found)-1] {
		p.messages = append(p.messages, found[i].message())
	}
	last := &found[len(found)-1]
	p.end = last.Type != nil
	if last.ID != nil {
		p.upTo = &messagestore.Place{Position: *last.GlobalPosition, ID: last.ID.String()}
		if r.source.IsStream() {
			p.upTo.Position = *last.Position
		}
	}
	return p, nil
}

// pageBytes is how many bytes a page may have, where so many are held.
func (s *Store) pageBytes() int64 {
	return min(max(maxHeldBytes-s.held.Load(), minPageBytes), maxPageBytes)
}

// hold counts the page as held until let is called.
func (s *Store) hold(p page) (let func()) {
	var bytes int64
	for i := range p.messages {
		bytes += int64(len(p.messages[i].Data) + len(p.messages[i].Metadata) + writeBytes)
	}
	s.held.Add(bytes)
	return func() { s.held.Add(-bytes) }
}

// absent returns nil for the empty text, which stands for none.
func absent[T ~string](text T) *string {
	if text == "" {
		return nil
	}
	s := string(text)
	return &s
}

func (r *pageRow) message() messagestore.Message {
	return messagestore.Message{
		ID: r.ID.String(), Stream: messagestore.Stream(*r.Stream), Type: *r.Type,
		Data: *r.Data, Metadata: *r.Metadata,
		Position: *r.Position, GlobalPosition: *r.GlobalPosition,
		Time: r.Time.UTC(), Writer: messagestore.Principal(*r.Writer),
	}
}

const headSQL = "select global_position, id from message_store.messages order by global_position desc limit 1"

// head returns the place of the last message.
func (s *Store) head(ctx context.Context) (messagestore.Place, error) {
	return place(ctx, s.readers.QueryRow(ctx, headSQL))
}

// placeOf returns the place of the message at that position of the source; an
// empty one where there is none.
func (s *Store) placeOf(ctx context.Context, source messagestore.Source, position int64) (messagestore.Place, error) {
	if source.IsStream() {
		return place(ctx, s.readers.QueryRow(ctx,
			"select position, id from message_store.messages where stream_name = $1 and position = $2", source.Stream, position))
	}
	return place(ctx, s.readers.QueryRow(ctx,
		"select global_position, id from message_store.messages where global_position = $1", position))
}

// version returns the place of the stream's last message.
func (s *Store) version(ctx context.Context, stream messagestore.Stream) (messagestore.Place, error) {
	p, err := place(ctx, s.readers.QueryRow(ctx,
		"select position, id from message_store.messages where stream_name = $1 order by position desc limit 1", stream))
	if err == nil && p.ID == "" {
		p.Position = -1
	}
	return p, err
}

func place(ctx context.Context, row pgx.Row) (messagestore.Place, error) {
	var (
		p  messagestore.Place
		id uuid
	)
	switch err := row.Scan(&p.Position, &id); {
	case errors.Is(err, pgx.ErrNoRows):
		return messagestore.Place{}, nil
	case err != nil:
		return messagestore.Place{}, translate(ctx, err)
	}
	p.ID = id.String()
	return p, nil
}
