package postgres

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// Read is Store.Read. It sees all that was acknowledged before it began, by
// whatever server.
func (s *Store) Read(ctx context.Context, r messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	return func(yield func(messagestore.Message, error) bool) {
		err := checkRead(&r)
		if err == nil {
			err = s.ownership.mayRead(ctx, r.Source)
		}
		if err != nil {
			yield(messagestore.Message{}, err)
			return
		}
		request, err := s.firstPage(ctx, &r)
		if err != nil {
			yield(messagestore.Message{}, err)
			return
		}
		for left := r.Limit; ; {
			request.limit = left
			p, err := s.readPage(ctx, request)
			if err != nil {
				yield(messagestore.Message{}, err)
				return
			}
			if !s.deliver(p, &left, yield) || p.end || p.upTo == nil {
				return
			}
			if request.bound == unbounded && !r.Backward {
				// Else it would run after a stream that grows as fast as it reads.
				head, err := s.head(ctx)
				if err != nil {
					yield(messagestore.Message{}, err)
					return
				}
				request.bound = head.Position
			}
			if request.start = p.upTo.Position + 1; r.Backward {
				request.start = p.upTo.Position - 1
			}
			left = max(left, 0)
		}
	}
}

// deliver yields the messages of the page, and reports whether there may be more.
// left is how many are left to be yielded, 0 for no bound.
func (s *Store) deliver(p page, left *int64, yield func(messagestore.Message, error) bool) bool {
	defer s.hold(p)()
	for _, m := range p.messages {
		if !yield(m, nil) {
			return false
		}
		if *left--; *left == 0 {
			return false
		}
	}
	return true
}

// readPage reads a page when it is the caller's turn: Reads must not take the
// connections of the subscriptions, who promise to be heard.
func (s *Store) readPage(ctx context.Context, r pageRequest) (page, error) {
	select {
	case s.reads <- struct{}{}:
	case <-ctx.Done():
		return page{}, ctx.Err()
	}
	defer func() { <-s.reads }()
	return s.page(ctx, s.readers, r)
}

func checkRead(r *messagestore.ReadRequest) error {
	var v violations
	v.source(&r.Source, &r.Filter)
	if r.From != nil {
		v.position("from_position", *r.From)
	}
	if r.Limit < 0 {
		v.add("limit", "%d is negative, 0 or more is allowed", r.Limit)
	}
	return v.err()
}

// firstPage returns the request of the first page.
func (s *Store) firstPage(ctx context.Context, r *messagestore.ReadRequest) (pageRequest, error) {
	request := pageRequest{source: r.Source, filter: &r.Filter, backward: r.Backward, bound: unbounded}
	switch {
	case r.From != nil:
		request.start = *r.From
	case r.Backward:
		request.start = unbounded
	}
	if r.Source.IsStream() || r.Backward {
		return request, nil
	}
	// Else it would run after a log that grows as fast as it reads.
	head, err := s.head(ctx)
	request.bound = head.Position
	return request, err
}

// Message is Store.Message.
func (s *Store) Message(ctx context.Context, id string) (messagestore.Message, error) {
	key, err := parseUUID(id)
	if err != nil {
		return messagestore.Message{}, invalid("id", err)
	}
	if err := s.ownership.mayRead(ctx, messagestore.OfAll()); err != nil {
		return messagestore.Message{}, err
	}
	return s.one(ctx, "where id = $1", key)
}

// Last is Store.Last.
func (s *Store) Last(ctx context.Context, stream messagestore.Stream, messageType string) (messagestore.Message, error) {
	var v violations
	v.check("last.stream_name", stream.Check())
	if messageType != "" {
		v.check("last.type", messagestore.CheckType(messageType))
	}
	if err := v.err(); err != nil {
		return messagestore.Message{}, err
	}
	if err := s.ownership.mayRead(ctx, messagestore.OfStream(stream)); err != nil {
		return messagestore.Message{}, err
	}
	if messageType == "" {
		return s.one(ctx, "where stream_name = $1 order by position desc limit 1", stream)
	}
	return s.one(ctx, "where stream_name = $1 and type = $2 order by position desc limit 1", stream, messageType)
}

func invalid(field string, err error) error {
	return &messagestore.InvalidError{Violations: []messagestore.Violation{{Field: field, Description: err.Error()}}}
}

const messageSQL = `select global_position, position, time, id, stream_name, type, writer,
       coalesce(data, 'null')::text, coalesce(metadata, '{}')::text
  from message_store.messages `

func (s *Store) one(ctx context.Context, condition string, args ...any) (messagestore.Message, error) {
	rows, err := s.readers.Query(ctx, messageSQL+condition, args...)
	if err != nil {
		return messagestore.Message{}, translate(ctx, err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[pageRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return messagestore.Message{}, messagestore.ErrNotFound
	}
	if err != nil {
		return messagestore.Message{}, translate(ctx, err)
	}
	return row.message(), nil
}

// Status is Store.Status.
func (s *Store) Status(ctx context.Context) (messagestore.Status, error) {
	head, err := s.head(ctx)
	return messagestore.Status{Head: head}, err
}
