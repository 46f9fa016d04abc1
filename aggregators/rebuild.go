package aggregators

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// sayEvery is how often Rebuild logs how far it is.
const sayEvery = 5 * time.Second

// Rebuilt is what Rebuild has done.
type Rebuilt struct {
	// Messages is how many messages it has handled.
	Messages int
	// Removed and Added are the rows that were changed: as they were, and as they
	// are now.
	Removed, Added int64
	// Behind is how far the view was behind the last message that made the new rows,
	// in positions of the log. If it is 0, each row that was changed had been wrong;
	// else some may just not have come so far.
	Behind int64
}

// Rebuild makes the aggregator's rows again from the start of the log, beside
// those that there are. When they have come as far, they take their place in one
// transaction, and the aggregator's place moves to theirs: who reads sees the
// view as it was or as it is now, and never a part of it. The aggregator may run
// meanwhile. It waits while the rows are compared and exchanged: of a million rows
// of the administrators' messages 15 s, and 40 s if each of them differs; after
// 15 s it logs that it has stopped, and tries again.
//
// db works as view_writer. While the message store is away, or somebody holds the
// view's rows, Rebuild waits and says so in the log. After an error the view is as
// it was; but if the error came with the very last commit, it may be the new one.
func Rebuild(ctx context.Context, store messagestore.Store, db *pgxpool.Pool, a Aggregator, log *slog.Logger) (Rebuilt, error) {
	subscription, err := a.Handlers.subscription()
	if err != nil {
		return Rebuilt{}, fmt.Errorf("rebuild %s: %w", a.ID, err)
	}
	begun := time.Now()
	s := &shadow{follower: newFollower(a, db, log.With("consumer", a.ID)), store: store, begun: begun, said: begun}
	defer s.disconnect()
	if err := s.open(ctx); err != nil {
		return Rebuilt{}, fmt.Errorf("rebuild %s: %w", a.ID, err)
	}
	if err := s.follow(ctx, subscription); err != nil {
		return Rebuilt{}, fmt.Errorf("rebuild %s: %w", a.ID, err)
	}
	return s.rebuilt, nil
}

// follow follows the log from its start until the rows have taken their place.
func (s *shadow) follow(ctx context.Context, subscription messagestore.Subscription) error {
	caughtUp := false
	broken := func(err error) { s.log.WarnContext(ctx, "the message store is away, trying again", "error", err) }
	for event, err := range consumer.Follow(ctx, s.store, subscription, broken) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case messagestore.Messages:
			err = s.handle(ctx, e)
		case messagestore.CaughtUp:
			caughtUp = true
			err = s.Skip(ctx, e.Place)
		case messagestore.Progress:
			err = s.Skip(ctx, e.Place)
		}
		if err != nil {
			return err
		}
		if caughtUp {
			if done, err := s.replace(ctx); done || err != nil {
				return err
			}
		}
		s.say(ctx)
	}
	return ctx.Err()
}

// say logs from time to time how far it is.
func (s *shadow) say(ctx context.Context) {
	if time.Since(s.said) < sayEvery {
		return
	}
	s.said = time.Now()
	s.log.InfoContext(ctx, "rebuilding", "position", s.at.Position, "view", s.live, "messages", s.rebuilt.Messages,
		"a second", int(float64(s.rebuilt.Messages)/time.Since(s.begun).Seconds()))
}

func (s *shadow) handle(ctx context.Context, messages messagestore.Messages) error {
	for batch := range slices.Chunk([]messagestore.Message(messages), batchSize) {
		n, err := s.Handle(ctx, batch)
		s.rebuilt.Messages += n
		if n > 0 {
			s.handled = batch[n-1].GlobalPosition
		}
		if err != nil {
			return err
		}
	}
	return nil
}
