package aggregators

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// batchSize bounds the messages of a transaction. One costs 180 µs, 100 cost 16
// µs each, and 500 no less: where each message updates the same row, as the home
// page's, Postgres looks at every version that the transaction has made of it
// before. BenchmarkFollower_Handle measures it.
const batchSize = 100

// A Runner runs aggregators.
type Runner struct {
	running []*running
}

// running is one aggregator of a Runner.
type running struct {
	follower *follower
	loop     *consumer.Loop
}

// New returns a Runner of the aggregators, which follow the store and write View
// Data, whose pool works as view_writer and may have few connections: each
// aggregator takes one out of it. It returns an error if an aggregator is wrong,
// or two have one ID. Metrics may be nil.
func New(store messagestore.Store, db *pgxpool.Pool, metrics *consumer.Metrics, log *slog.Logger, aggregators ...Aggregator) (*Runner, error) {
	r := &Runner{}
	ids := map[string]bool{}
	for _, a := range aggregators {
		if ids[a.ID] {
			return nil, fmt.Errorf("two aggregators have the ID %s", a.ID)
		}
		ids[a.ID] = true
		log := log.With("consumer", a.ID)
		f := newFollower(a, db, log)
		subscription, err := a.Handlers.subscription()
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", a.ID, err)
		}
		r.running = append(r.running, &running{f, &consumer.Loop{
			ID: a.ID, Store: store, Subscription: subscription, Batch: batchSize, Sink: f, Metrics: metrics, Log: log,
		}})
	}
	return r, nil
}

// Run runs the aggregators until the context ends; then they commit what they
// have taken up, and it returns nil. One that fails tries again for ever, and
// the others go on. Call it once.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range r.running {
		group.Go(func() error {
			defer one.follower.disconnect()
			return one.loop.Run(ctx)
		})
	}
	return group.Wait()
}

// Ready returns nil while each aggregator works or stands by, and an error that
// says which do not, and why.
func (r *Runner) Ready(context.Context) error {
	var reasons []error
	for _, one := range r.running {
		if !one.follower.standby.Load() {
			reasons = append(reasons, one.loop.Ready())
		}
	}
	return errors.Join(reasons...)
}
