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

// batchSize bounds the messages of a transaction. In a run, a viewing costs the
// home page 310 µs alone, 7 µs of 100, 4.3 µs of 500 and 3.9 µs of 1,000. It is no
// more, for the sake of plain statements that update one row: those cost 34 µs of
// 100, 53 µs of 500 and 63 µs of 1,000, since Postgres looks at every version that
// the transaction has made of the row before. BenchmarkFollower_Handle measures it.
const batchSize = 500

// A Runner runs aggregators.
type Runner struct {
	running []*running
}

// running is one aggregator of a Runner.
type running struct {
	follower *follower
	consumer *consumer.Consumer
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
		r.running = append(r.running, &running{f, &consumer.Consumer{
			ID: a.ID, Store: store, Subscription: subscription, Batches: f, BatchSize: batchSize, Metrics: metrics, Log: log,
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
			return one.consumer.Run(ctx)
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
			reasons = append(reasons, one.consumer.Ready())
		}
	}
	return errors.Join(reasons...)
}
