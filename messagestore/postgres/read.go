package postgres

import (
	"context"
	"iter"
	"math"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// unbounded is the bound of a page without one.
const unbounded = math.MaxInt64

// Read is Store.Read. It yields every message that any server acknowledged before
// it began.
func (s *Store) Read(ctx context.Context, r messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	return func(yield func(messagestore.Message, error) bool) {
		if err := s.read(ctx, &r, yield); err != nil {
			yield(messagestore.Message{}, err)
		}
	}
}

// read yields messages until the end or an error. It returns nil when yield returns
// false.
func (s *Store) read(ctx context.Context, r *messagestore.ReadRequest, yield func(messagestore.Message, error) bool) error {
	var v violations
	v.source(&r.Source, &r.Filter)
	if r.From != nil {
		v.position("from_position", *r.From)
	}
	if r.Limit < 0 {
		v.add("limit", "%d is negative, 0 or more is allowed", r.Limit)
	}
	if err := v.err(); err != nil {
		return err
	}
	if err := s.ownership.checkReader(ctx, r.Source); err != nil {
		return err
	}
	request, err := s.firstPage(ctx, r)
	if err != nil {
		return err
	}
	for left := r.Limit; ; {
		request.limit = left
		p, err := s.readPage(ctx, request)
		if err != nil {
			return err
		}
		if !s.deliver(p, &left, yield) || p.end || p.upTo == nil {
			return nil
		}
		if request.bound == unbounded && !r.Backward {
			// Otherwise a stream that grows as fast as it is read would have no end.
			head, err := s.head(ctx)
			if err != nil {
				return err
			}
			request.bound = head.Position
		}
		if request.start = p.upTo.Position + 1; r.Backward {
			request.start = p.upTo.Position - 1
		}
		left = max(left, 0)
	}
}

// deliver yields the messages of the page and reports whether more are wanted. left
// is the number of messages up to the limit, or at most 0 without a limit.
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

// readPage reads a page when the semaphore allows: Reads must not take the
// connections of subscriptions, which promise heartbeats.
func (s *Store) readPage(ctx context.Context, r pageRequest) (page, error) {
	select {
	case s.readPages <- struct{}{}:
	case <-ctx.Done():
		return page{}, ctx.Err()
	}
	defer func() { <-s.readPages }()
	return s.page(ctx, s.readers, r)
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
	// Otherwise a log that grows as fast as it is read would have no end.
	head, err := s.head(ctx)
	request.bound = head.Position
	return request, err
}

// ofLast selects the last message of a stream.
const ofLast = "where stream_name = $1 order by position desc limit 1"

// Message is Store.Message.
func (s *Store) Message(ctx context.Context, id string) (messagestore.Message, error) {
	key, err := parseUUID(id)
	if err != nil {
		return messagestore.Message{}, invalid("id", err)
	}
	if err := s.ownership.checkReader(ctx, messagestore.OfAll()); err != nil {
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
	if err := s.ownership.checkReader(ctx, messagestore.OfStream(stream)); err != nil {
		return messagestore.Message{}, err
	}
	if messageType == "" {
		return s.one(ctx, ofLast, stream)
	}
	return s.one(ctx, "where stream_name = $1 and type = $2 order by position desc limit 1", stream, messageType)
}

// one returns the message that the condition selects, or ErrNotFound.
func (s *Store) one(ctx context.Context, condition string, args ...any) (messagestore.Message, error) {
	rows, err := query(ctx, s.readers, pgx.RowToStructByPos[messageRow], messageSQL+condition, args...)
	if err != nil {
		return messagestore.Message{}, err
	}
	if len(rows) == 0 {
		return messagestore.Message{}, messagestore.ErrNotFound
	}
	return rows[0].message(), nil
}
