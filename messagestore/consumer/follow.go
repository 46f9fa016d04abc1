package consumer

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cenkalti/backoff/v5"

	"videotutorials/messagestore"
)

const (
	firstPause = 50 * time.Millisecond
	// A broken subscription is retried soon: the store may be back at any moment.
	lastPauseBroken = 5 * time.Second
	lastPause       = 30 * time.Second
)

// newBackoff returns a backoff that doubles from 50 ms to 30 s, each interval
// randomized by half, so that consumers do not retry all at once.
func newBackoff() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: firstPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: lastPause,
	}
}

// Follow yields the events of a subscription without a consumer. When the
// subscription breaks, Follow calls broken, if not nil, and subscribes again
// after the last place that it yielded, with backoff. Started is yielded each
// time.
//
// Follow ends with an error that no retry can mend: the error of ctx, an
// *InvalidError, a *NotReaderError, an *AheadError, a *DivergedError, or
// ErrUnauthenticated.
func Follow(ctx context.Context, store messagestore.Store, s messagestore.Subscription, broken func(error)) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		stopped := errors.New("stopped by the caller")
		f := subscriber{
			store: store,
			start: func() (messagestore.Subscription, error) { return s, nil },
			deliver: func(event messagestore.Event) error {
				if !yield(event, nil) {
					return backoff.Permanent(stopped)
				}
				return nil
			},
			final: backoff.Permanent,
			retrying: func(err error, _ time.Duration) {
				if broken != nil {
					broken(errors.Unwrap(err))
				}
			},
		}
		if err := f.run(ctx); !errors.Is(err, stopped) {
			yield(nil, err)
		}
	}
}

// A subscriber subscribes, and subscribes again after each failure.
type subscriber struct {
	store messagestore.Store
	// start returns where to subscribe. It is called first, after an error of
	// deliver, and when the log has diverged. After other errors the subscription
	// resumes after the last event delivered.
	start   func() (messagestore.Subscription, error)
	deliver func(messagestore.Event) error
	// final maps an error of the store that a mere retry does not mend.
	final func(error) error
	// retrying is called before each pause.
	retrying func(err error, pause time.Duration)
}

// A brokenError is the end of a subscription that can be resumed.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return "subscription broke: " + e.cause.Error() }

func (e *brokenError) Unwrap() error { return e.cause }

// cappedBackoff is a backoff with a limit that depends on the last failure.
type cappedBackoff struct {
	*backoff.ExponentialBackOff
	limit time.Duration
}

func (b *cappedBackoff) NextBackOff() time.Duration {
	return min(b.ExponentialBackOff.NextBackOff(), b.limit)
}

// run subscribes until ctx ends or an error is a backoff.PermanentError.
func (s *subscriber) run(ctx context.Context) error {
	var at *messagestore.Subscription
	pauses := &cappedBackoff{ExponentialBackOff: newBackoff()}
	subscribe := func() (none struct{}, err error) {
		pauses.limit = lastPause
		if at == nil {
			start, err := s.start()
			if err != nil {
				return none, err
			}
			at = &start
		}
		cause := errors.New("the subscription ended")
		for event, err := range s.store.Subscribe(ctx, *at) {
			if err != nil {
				cause = err
				break
			}
			if err := s.deliver(event); err != nil {
				at = nil
				return none, err
			}
			if place, ok := placeAfter(at.Source, event); ok {
				at.After, at.From = &place, 0
				pauses.Reset()
			}
		}
		switch {
		case ctx.Err() != nil:
			return none, ctx.Err()
		case isDivergence(cause):
			at = nil
			return none, s.final(cause)
		case isFinal(cause):
			return none, s.final(cause)
		}
		pauses.limit = lastPauseBroken
		return none, &brokenError{cause}
	}
	_, err := backoff.Retry(ctx, subscribe, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0), backoff.WithNotify(s.retrying))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// placeAfter returns the place that the event completes.
func placeAfter(source messagestore.Source, event messagestore.Event) (messagestore.Place, bool) {
	switch e := event.(type) {
	case messagestore.Messages:
		return source.Place(&e[len(e)-1]), true
	case messagestore.CaughtUp:
		return e.Place, true
	case messagestore.Progress:
		return e.Place, true
	}
	return messagestore.Place{}, false
}

func isDivergence(err error) bool {
	var (
		ahead    *messagestore.AheadError
		diverged *messagestore.DivergedError
	)
	return errors.As(err, &ahead) || errors.As(err, &diverged)
}

func isFinal(err error) bool {
	var (
		invalid   *messagestore.InvalidError
		notReader *messagestore.NotReaderError
	)
	return isDivergence(err) || errors.As(err, &invalid) || errors.As(err, &notReader) ||
		errors.Is(err, messagestore.ErrUnauthenticated) || errors.Is(err, context.Canceled)
}
