package consumer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"videotutorials/messagestore"
)

// The pause before another try after a failure grows from the first to the
// last, as long as nothing succeeds.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 30 * time.Second
)

// ErrMoved is returned by a Sink whose place is another one than it was: somebody
// has moved it on purpose, or works beside it. Place is called next.
var ErrMoved = errors.New("the place was moved")

// A Sink takes up what a Loop follows, and knows how far it has come. A Parallel
// and an aggregator differ in it. One goroutine calls it.
type Sink interface {
	// Place returns the place to go on after. The context ends at a stop: Place
	// may wait for its turn. It is called before each subscription.
	Place(ctx context.Context) (messagestore.Place, error)
	// Handle handles the messages in order and returns how many of them, from
	// the first on, are handled: all, or fewer and an error.
	Handle(ctx context.Context, messages []messagestore.Message) (int, error)
	// Skip is told that all up to and including the place was handled or
	// skipped by the filter.
	Skip(ctx context.Context, place messagestore.Place) error
	// Lost is told by an *AheadError or a *DivergedError that its place is not
	// in the log. Place is called next.
	Lost(ctx context.Context, cause error) error
}

// A Loop follows a subscription into a Sink, for ever: what fails is tried again
// from the Sink's place, with pauses that grow from 50 ms to 30 s.
type Loop struct {
	// ID is the consumer's, for metrics and errors.
	ID    string
	Store messagestore.Store
	// Subscription says what to follow; the Sink says from where.
	Subscription messagestore.Subscription
	// Batch bounds how many messages Handle gets at once, at least 1.
	Batch int
	Sink  Sink
	// Metrics measures it. Defaults to no measuring.
	Metrics *Metrics
	Log     *slog.Logger

	state atomic.Pointer[state]
}

// Run follows until the context ends; then it finishes what the Sink is handling
// and returns nil.
func (l *Loop) Run(ctx context.Context) error {
	work, done := finishing(ctx)
	defer done()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		begun := time.Now()
		handled, err := l.follow(ctx, work)
		if ctx.Err() != nil {
			return nil
		}
		if handled > 0 || time.Since(begun) > lastPause {
			pause = firstPause
		}
		l.failed(ctx, err, pause)
		// Up to half as long again, so that not all come back at once.
		if !wait(ctx, pause+rand.N(pause/2)) {
			return nil
		}
	}
}

// follow follows until something fails, and returns how many messages were
// handled before.
func (l *Loop) follow(ctx, work context.Context) (handled int, err error) {
	place, err := l.Sink.Place(ctx)
	if err != nil {
		return 0, err
	}
	l.Metrics.placed(l.ID, place)
	for event, err := range messagestore.Follow(ctx, l.Store, from(l.Subscription, place), l.broken) {
		if err != nil {
			return handled, l.lost(work, err)
		}
		switch e := event.(type) {
		case messagestore.Started:
			l.started()
		case messagestore.Messages:
			n, err := l.handle(ctx, work, e)
			handled += n
			if err != nil {
				return handled, err
			}
		case messagestore.CaughtUp:
			err = l.skip(work, e.Place)
		case messagestore.Progress:
			err = l.skip(work, e.Place)
		}
		if err != nil {
			return handled, err
		}
	}
	return handled, ctx.Err()
}

// from returns the subscription after the place. A place that the original
// system kept has no id, and is resumed by its position.
func from(s messagestore.Subscription, place messagestore.Place) messagestore.Subscription {
	if place.ID != "" {
		s.After = &place
	} else if place.Position > 0 {
		s.From = place.Position + 1
	}
	return s
}

func (l *Loop) handle(ctx, work context.Context, messages messagestore.Messages) (handled int, err error) {
	for batch := range slices.Chunk([]messagestore.Message(messages), l.Batch) {
		if ctx.Err() != nil {
			return handled, ctx.Err()
		}
		begun := time.Now()
		n, err := l.Sink.Handle(work, batch)
		handled += n
		if n > 0 {
			l.Metrics.handled(l.ID, n, time.Since(begun))
			l.Metrics.moved(l.ID, l.Subscription.Source.Place(&batch[n-1]))
			l.running()
		}
		if err != nil {
			return handled, err
		}
	}
	return handled, nil
}

func (l *Loop) skip(work context.Context, place messagestore.Place) error {
	if err := l.Sink.Skip(work, place); err != nil {
		return err
	}
	l.Metrics.moved(l.ID, place)
	l.running()
	return nil
}

// lost tells the Sink if the subscription ended since its place is not in the
// log.
func (l *Loop) lost(work context.Context, cause error) error {
	var (
		ahead    *messagestore.AheadError
		diverged *messagestore.DivergedError
	)
	if !errors.As(cause, &ahead) && !errors.As(cause, &diverged) {
		return cause
	}
	if err := l.Sink.Lost(work, cause); err != nil {
		return err
	}
	return cause
}
