package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// The limits of a page. A reader holds its page until its client has accepted it.
// When all readers together hold maxHeldBytes, a page is limited to minPageBytes or
// one message.
const (
	maxPageMessages = 1000
	maxPageBytes    = 1 << 20
	minPageBytes    = 32 << 10
	maxHeldBytes    = 256 << 20
	maxPageScanned  = 10_000
)

// A pageRequest has the arguments of message_store.page.
type pageRequest struct {
	source   messagestore.Source
	filter   *messagestore.Filter
	start    int64
	afterID  string // "": not compared
	bound    int64
	backward bool
	limit    int64 // 0: none
}

// A page is the result of message_store.page.
type page struct {
	messages []messagestore.Message
	// upTo is the last place that was read, in the positions of the source, or nil if
	// there was nothing to read.
	upTo *messagestore.Place
	end  bool // nothing follows up to the bound
}

// errDiverged is returned if the message before the start of a page is not the
// expected one.
var errDiverged = errors.New("the place is not in the log")

type messageRow struct {
	GlobalPosition, Position             *int64
	Time                                 *time.Time
	ID                                   *string
	Stream, Type, Writer, Data, Metadata *string
}

func (r *messageRow) message() messagestore.Message {
	return messagestore.Message{
		ID: *r.ID, Stream: messagestore.Stream(*r.Stream), Type: *r.Type,
		Data: *r.Data, Metadata: *r.Metadata,
		Position: *r.Position, GlobalPosition: *r.GlobalPosition,
		Time: r.Time.UTC(), Writer: messagestore.Principal(*r.Writer),
	}
}

const (
	pageSQL    = "select * from message_store.page($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
	headSQL    = "select global_position, id from message_store.messages order by global_position desc limit 1"
	versionSQL = "select position, id from message_store.messages where stream_name = $1 order by position desc limit 1"
	messageSQL = `select global_position, position, time, id, stream_name, type, writer,
       coalesce(data, 'null')::text, coalesce(metadata, '{}')::text
  from message_store.messages `
)

// A querier is a connection or a pool.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// page reads a page. It returns errDiverged if the message before the start does
// not have afterID.
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
	maxBytes := min(max(maxHeldBytes-s.held.Load(), minPageBytes), maxPageBytes)
	s.metrics.pages.Inc()
	found, err := query(ctx, conn, pgx.RowToStructByPos[messageRow], pageSQL, orNull(r.source.Stream), r.source.Categories,
		r.start, orNull(r.afterID), r.bound, r.backward, f.Types, member, size, orNull(f.Origin), orNull(f.Correlation), limit, maxBytes, maxPageScanned)
	if err != nil {
		return page{}, err
	}
	if len(found) == 0 {
		return page{}, errDiverged
	}
	last := &found[len(found)-1]
	p := page{end: last.Type != nil}
	for i := range found[:len(found)-1] {
		p.messages = append(p.messages, found[i].message())
	}
	if last.ID != nil {
		p.upTo = &messagestore.Place{Position: *last.GlobalPosition, ID: *last.ID}
		if r.source.IsStream() {
			p.upTo.Position = *last.Position
		}
	}
	return p, nil
}

// query returns the rows of a query, with translated errors.
func query[T any](ctx context.Context, conn querier, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, _ := conn.Query(ctx, sql, args...) // CollectRows returns the error
	all, err := pgx.CollectRows(rows, scan)
	return all, translate(ctx, err)
}

// hold counts the page as held until release is called.
func (s *Store) hold(p page) (release func()) {
	var bytes int64
	for i := range p.messages {
		bytes += int64(len(p.messages[i].Data) + len(p.messages[i].Metadata) + writeBytes)
	}
	s.held.Add(bytes)
	return func() { s.held.Add(-bytes) }
}

// orNull returns nil for an empty text.
func orNull[T ~string](text T) *string {
	if text == "" {
		return nil
	}
	s := string(text)
	return &s
}

// head returns the head of Postgres.
func (s *Store) head(ctx context.Context) (messagestore.Place, error) {
	return place(ctx, s.readers.QueryRow(ctx, headSQL))
}

// placeOf returns the place of the message at the position of the source, or an
// empty one if there is none.
func (s *Store) placeOf(ctx context.Context, source messagestore.Source, position int64) (messagestore.Place, error) {
	if source.IsStream() {
		return place(ctx, s.readers.QueryRow(ctx,
			"select position, id from message_store.messages where stream_name = $1 and position = $2", source.Stream, position))
	}
	return place(ctx, s.readers.QueryRow(ctx,
		"select global_position, id from message_store.messages where global_position = $1", position))
}

// version returns the place of the stream's last message, or position -1.
func (s *Store) version(ctx context.Context, stream messagestore.Stream) (messagestore.Place, error) {
	p, err := place(ctx, s.readers.QueryRow(ctx, versionSQL, stream))
	if err == nil && p.ID == "" {
		p.Position = -1
	}
	return p, err
}

// place scans a position and an id. It returns an empty place if there is no row.
func place(ctx context.Context, row pgx.Row) (messagestore.Place, error) {
	var p messagestore.Place
	err := row.Scan(&p.Position, &p.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return messagestore.Place{}, nil
	}
	return p, translate(ctx, err)
}
