package postgres

import (
	"context"
	"strings"

	"videotutorials/messagestore"
)

func checkSubscription(r *messagestore.Subscription) error {
	var v violations
	v.source(&r.Source, &r.Filter)
	v.position("from_position", r.From)
	if r.After != nil {
		place := messagestore.Place{Position: r.After.Position, ID: strings.ToLower(r.After.ID)}
		r.After = &place
		v.after(r.Source, place)
		if r.From != 0 {
			v.add("from_position", "%d beside after, one of them is allowed", r.From)
		}
	}
	return v.err()
}

// start finds the first place and checks it against Postgres, not against the
// tail: another server may have told the subscriber of messages that the tail
// does not have yet. It returns the last position of the source.
func (s *subscription) start(ctx context.Context, r *messagestore.Subscription) (head int64, err error) {
	end, err := s.end(ctx)
	if err != nil {
		return 0, err
	}
	switch {
	case r.After != nil:
		s.place = *r.After
	case s.source.IsStream():
		s.place.Position = r.From - 1
	default:
		s.place.Position = max(r.From, 1) - 1
	}
	if s.place.Position > end.Position {
		ahead := s.place.Position
		if r.After == nil {
			ahead = r.From
		}
		return 0, &messagestore.AheadError{Position: ahead, Head: end.Position}
	}
	found, err := s.store.placeOf(ctx, s.source, s.place.Position)
	if err != nil {
		return 0, err
	}
	if r.After != nil && found.ID != r.After.ID {
		return 0, &messagestore.DivergedError{Place: *r.After}
	}
	s.place.ID = found.ID
	if !s.source.IsStream() {
		s.global = &s.place
		s.lag.position.Store(s.place.Position)
	}
	return end.Position, nil
}

// end returns the last place of the source in Postgres, and sees to it that the
// tail comes as far.
func (s *subscription) end(ctx context.Context) (messagestore.Place, error) {
	head, err := s.store.head(ctx)
	if err == nil {
		err = s.store.reach(ctx, head)
	}
	if err == nil && s.source.IsStream() {
		return s.store.version(ctx, s.source.Stream)
	}
	return head, err
}

// reach waits until the tail has come to the head. Callers wait timely.
func (s *Store) reach(ctx context.Context, head messagestore.Place) error {
	for {
		f := s.tail.after(messagestore.Place{}, 0)
		if end, known := s.tail.place(); known && end.Position >= head.Position {
			return nil
		}
		if f.stopped {
			return errStopping
		}
		s.watch.look()
		select {
		case <-f.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
