package postgres

import (
	"context"
	"strings"

	"videotutorials/messagestore"
)

// normalizeSubscription checks the request. It copies After, with its id in lower
// case, as Postgres prints ids.
func normalizeSubscription(r *messagestore.Subscription) error {
	var v violations
	v.source(&r.Source, &r.Filter)
	v.position("from_position", r.From)
	if r.After != nil {
		place := messagestore.Place{Position: r.After.Position, ID: strings.ToLower(r.After.ID)}
		r.After = &place
		v.after(r.Source, place)
		if r.From != 0 {
			v.add("from_position", "is %d, but must not be combined with after", r.From)
		}
	}
	return v.err()
}

// start sets the first place and compares it with Postgres: another server may have
// delivered a place that the tail of this one has not reached yet. It returns the last
// position of the source.
func (s *subscription) start(ctx context.Context, r *messagestore.Subscription) (int64, error) {
	last, err := s.lastPlace(ctx)
	if err != nil {
		return 0, err
	}
	requested := r.From
	switch {
	case r.After != nil:
		s.place, requested = *r.After, r.After.Position
	case s.source.IsStream():
		s.place.Position = r.From - 1
	default:
		s.place.Position = max(r.From, 1) - 1
	}
	if s.place.Position > last.Position {
		return 0, &messagestore.AheadError{Position: requested, Head: last.Position}
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
	return last.Position, nil
}

// lastPlace returns the last place of the source in Postgres, after the tail has
// reached the head.
func (s *subscription) lastPlace(ctx context.Context) (messagestore.Place, error) {
	head, err := s.store.head(ctx)
	if err != nil {
		return messagestore.Place{}, err
	}
	if err := s.store.awaitTail(ctx, head); err != nil || !s.source.IsStream() {
		return head, err
	}
	return s.store.version(ctx, s.source.Stream)
}

// awaitTail waits until the tail has reached the head.
func (s *Store) awaitTail(ctx context.Context, head messagestore.Place) error {
	for {
		f := s.tail.after(messagestore.Place{}, 0) // before head, so that no change is missed
		if last, known := s.tail.head(); known && last.Position >= head.Position {
			return nil
		}
		if f.stopped {
			return errStopping
		}
		s.poller.poll()
		select {
		case <-f.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
