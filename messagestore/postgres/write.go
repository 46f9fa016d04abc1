package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"videotutorials/messagestore"
)

// writeTimeout bounds the wait of a write without an earlier deadline.
const writeTimeout = 30 * time.Second

// Write is Store.Write.
func (s *Store) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	return s.Begin(ctx, []messagestore.Write{{Stream: stream, Expected: expected, Messages: messages}})[0]()
}

// Begin starts writes that are independent of each other. It returns when they are
// in the queue; each returned function waits for the result of its write, which is
// that of Write. Each MUST be called.
func (s *Store) Begin(ctx context.Context, writes []messagestore.Write) (waits []func() (messagestore.Written, error)) {
	units := make([]*unit, len(writes))
	for i := range writes {
		var v violations
		units[i] = v.writes(writes[i:i+1], func(int) string { return "" })
		if len(writes[i].Messages) == 0 {
			v.add("messages", "is required, at least one message")
		}
		units[i].err = v.err()
	}
	s.enqueue(ctx, units)
	for _, u := range units {
		waits = append(waits, func() (messagestore.Written, error) {
			written, err := s.wait(ctx, u)
			if err != nil {
				return messagestore.Written{}, err
			}
			return written[0], nil
		})
	}
	return waits
}

// WriteBatch is Store.WriteBatch.
func (s *Store) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	var v violations
	if len(writes) == 0 || len(writes) > maxCallWrites {
		v.add("writes", "%d writes, 1 to %d are allowed", len(writes), maxCallWrites)
		return nil, v.err()
	}
	u := v.writes(writes, func(i int) string { return fmt.Sprintf("writes[%d].", i) })
	u.err = v.err()
	s.enqueue(ctx, []*unit{u})
	return s.wait(ctx, u)
}

// enqueue adds the units to the queue, except those that are rejected before, and
// sets err of those.
func (s *Store) enqueue(ctx context.Context, units []*unit) {
	accepted := make([]*unit, 0, len(units))
	for _, u := range units {
		if u.err == nil {
			u.err = s.checkReader(ctx, u)
		}
		if u.err == nil {
			u.err = ctx.Err()
		}
		if u.err != nil {
			continue
		}
		u.writer, u.done = messagestore.PrincipalOf(ctx), make(chan result, 1)
		u.ctx, u.cancel = context.WithTimeout(ctx, writeTimeout)
		accepted = append(accepted, u)
	}
	if len(accepted) > 0 {
		s.queue.put(accepted...)
	}
}

// checkReader returns an error if the unit checks the version of a stream that the
// caller may not read: a check without messages reveals the version.
func (s *Store) checkReader(ctx context.Context, u *unit) error {
	for i := range u.writes {
		if len(u.writes[i].Messages) > 0 {
			continue
		}
		if err := s.ownership.checkReader(ctx, messagestore.OfStream(u.writes[i].Stream)); err != nil {
			return err
		}
	}
	return nil
}

// wait returns the result of the unit, or an error when the caller's context or
// writeTimeout ends.
func (s *Store) wait(ctx context.Context, u *unit) ([]messagestore.Written, error) {
	if u.err != nil {
		return nil, u.err
	}
	defer u.cancel()
	select {
	case r := <-u.done:
		var conflict *messagestore.IDConflictError
		if errors.As(r.err, &conflict) && s.ownership.checkReader(ctx, messagestore.OfStream(conflict.StoredStream)) != nil {
			conflict.StoredStream = "" // the caller may not read it
		}
		return r.written, r.err
	case <-u.ctx.Done():
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &messagestore.UnavailableError{Reason: "Postgres did not answer in time"}
	}
}
