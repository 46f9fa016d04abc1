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

// progressInterval is the interval between the log messages of a rebuild.
const progressInterval = 5 * time.Second

// Rebuilt is the result of Rebuild.
type Rebuilt struct {
	// Messages is the number of messages handled.
	Messages int
	// Removed and Added are the numbers of rows deleted from and inserted into the
	// view. A changed row counts in both.
	Removed, Added int64
	// Behind is how far the view was behind the last message of the new rows, in
	// global positions. If it is 0, all removed rows were wrong; otherwise, some may
	// have been outdated.
	Behind int64
}

// Rebuild builds the aggregator's rows again from the beginning of the log, in
// temporary tables. When they include all messages of the view, one transaction
// replaces the rows of the view that differ, and moves the saved position of the
// aggregator to that of the new rows. Readers see the old view or the new one.
//
// The aggregator may run meanwhile. It waits while the rows are compared and
// replaced: for the million rows of adminmessages 15 s if they are equal, and 40 s
// if all differ. After 15 s it logs a failure, and retries.
//
// The connections of the pool MUST have the role view_writer. Rebuild logs and
// retries while the message store is unavailable, and while another session holds
// locks on the view. After an error the view is unchanged, unless the error is that
// of the commit.
func Rebuild(ctx context.Context, store messagestore.Store, db *pgxpool.Pool, a Aggregator, log *slog.Logger) (Rebuilt, error) {
	begun := time.Now()
	s := &shadow{applier: newApplier(a, db, log.With("consumer", a.ID)), store: store, begun: begun, logged: begun}
	defer s.disconnect()
	subscription, err := a.Handlers.subscription()
	if err == nil {
		err = s.open(ctx)
	}
	if err == nil {
		err = s.build(ctx, subscription)
	}
	if err != nil {
		return Rebuilt{}, fmt.Errorf("rebuild %s: %w", a.ID, err)
	}
	return s.rebuilt, nil
}

// build handles the log from its beginning until the rows have replaced those of
// the view.
func (s *shadow) build(ctx context.Context, subscription messagestore.Subscription) error {
	caughtUp := false
	broken := func(err error) { s.log.WarnContext(ctx, "subscription broke, retrying", "error", err) }
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
			if done, err := s.replaceView(ctx); done || err != nil {
				return err
			}
		}
		s.logProgress(ctx)
	}
	return ctx.Err()
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

func (s *shadow) logProgress(ctx context.Context) {
	if time.Since(s.logged) < progressInterval {
		return
	}
	s.logged = time.Now()
	s.log.InfoContext(ctx, "rebuilding", "position", s.skipped.Position, "viewPosition", s.live, "messages", s.rebuilt.Messages,
		"perSecond", int(float64(s.rebuilt.Messages)/time.Since(s.begun).Seconds()))
}
