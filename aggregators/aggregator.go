package aggregators

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// An Aggregator applies events to its tables in View Data, which no other program
// writes.
type Aggregator struct {
	// Name is the name of the package, in lower-case letters and digits, by which
	// -only and rebuild choose the aggregator. Only Main needs it.
	Name string
	// ID is the consumer ID, such as `aggregators:home-page`. It MUST never change.
	ID string
	// Tables are the names of the tables, without schema, as in the statements of the
	// handlers. Each table needs a primary key and columns with an equality operator
	// (jsonb, not json). Postgres must not fill columns with values that differ in a
	// rebuild, such as serial or now().
	Tables []string
	// Migrations, unless nil, has goose migrations of the tables, as
	// migrations/00001_comments.sql. Main applies them as the user of the URL of View
	// Data, and records them in the table migrations_<Name>. They MUST grant select,
	// insert, update, delete and truncate on the tables to view_writer, and select to
	// view_reader. Defaults to none: the package viewdata creates the tables.
	Migrations fs.FS
	// Init is an optional statement that inserts the initial rows unless they exist.
	Init string
	// Handlers determine the subscription: the categories and types of all handlers,
	// or all messages if one of them is an OnAny handler.
	Handlers Handlers
}

// batchSize is the maximum number of messages in a transaction. With ForMessages, a
// viewing takes the home page 310 µs alone, 7 µs in a batch of 100, 4.3 µs of 500
// and 3.9 µs of 1,000. Larger batches would slow down plain statements that update
// the same row, since Postgres visits all versions of the row that the transaction
// has made: 34 µs for 100, 53 µs for 500 and 63 µs for 1,000.
// BenchmarkApplier_Handle measures it.
const batchSize = 500

// A Runner runs aggregators.
type Runner struct {
	running []runningAggregator
}

type runningAggregator struct {
	applier  *applier
	consumer *consumer.Consumer
}

// New returns a Runner of the aggregators. The connections of the pool MUST have
// the role view_writer; each aggregator takes one of them out of the pool for good.
// New returns an error if an aggregator has no handlers or two handlers for one
// type, or if two aggregators have the same ID. Metrics may be nil.
func New(store messagestore.Store, db *pgxpool.Pool, metrics *consumer.Metrics, log *slog.Logger, aggregators ...Aggregator) (*Runner, error) {
	r := &Runner{}
	ids := map[string]bool{}
	for _, a := range aggregators {
		if ids[a.ID] {
			return nil, fmt.Errorf("two aggregators have the ID %s", a.ID)
		}
		ids[a.ID] = true
		subscription, err := a.Handlers.subscription()
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", a.ID, err)
		}
		log := log.With("consumer", a.ID)
		applier := newApplier(a, db, log)
		r.running = append(r.running, runningAggregator{applier, &consumer.Consumer{
			ID: a.ID, Store: store, Subscription: subscription, Batches: applier, BatchSize: batchSize, Metrics: metrics, Log: log,
		}})
	}
	return r, nil
}

// Run runs the aggregators until the context ends. Then it commits the current
// batches and returns nil. An aggregator that fails retries without limit, and the
// others continue. Call Run once.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, running := range r.running {
		group.Go(func() error {
			defer running.applier.disconnect()
			return running.consumer.Run(ctx)
		})
	}
	return group.Wait()
}

// Ready returns nil while each aggregator works or is a standby. Otherwise, it
// returns the reasons of those that do not.
func (r *Runner) Ready(context.Context) error {
	var reasons []error
	for _, running := range r.running {
		if !running.applier.standby.Load() {
			reasons = append(reasons, running.consumer.Ready())
		}
	}
	return errors.Join(reasons...)
}
