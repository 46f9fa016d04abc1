package messagestore

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"time"
)

// The pause before a broken subscription is taken up again grows from the first
// to the last, as long as no event comes.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Follow is Subscribe that goes on by itself: when the subscription breaks, it
// subscribes again after the last place that it has yielded, and again, with
// growing pauses. So Started comes again too.
//
// broken, if not nil, is told each break. Follow ends with an error that
// another try cannot mend: the context's, an *InvalidError, a *NotReaderError,
// an *AheadError, a *DivergedError, ErrUnauthenticated.
func Follow(ctx context.Context, store Store, s Subscription, broken func(error)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for pause := firstPause; ; pause = min(2*pause, lastPause) {
			err := errors.New("the subscription ended")
			for event, broke := range store.Subscribe(ctx, s) {
				if broke != nil {
					err = broke
					break
				}
				if !yield(event, nil) {
					return
				}
				if place, ok := placeAfter(s.Source, event); ok {
					s.After, s.From = &place, 0
					pause = firstPause
				}
			}
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if final(err) {
				yield(nil, err)
				return
			}
			if broken != nil {
				broken(err)
			}
			// Up to as long again, so that not all come back at once.
			if !wait(ctx, pause+rand.N(pause)) {
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// placeAfter returns the place up to which all was delivered with the event.
func placeAfter(source Source, event Event) (Place, bool) {
	switch e := event.(type) {
	case Messages:
		return source.Place(&e[len(e)-1]), true
	case CaughtUp:
		return e.Place, true
	case Progress:
		return e.Place, true
	}
	return Place{}, false
}

func final(err error) bool {
	var (
		invalid   *InvalidError
		notReader *NotReaderError
		ahead     *AheadError
		diverged  *DivergedError
	)
	return errors.As(err, &invalid) || errors.As(err, &notReader) ||
		errors.As(err, &ahead) || errors.As(err, &diverged) ||
		errors.Is(err, ErrUnauthenticated) || errors.Is(err, context.Canceled)
}

// wait reports whether the pause passed before the context ended.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
