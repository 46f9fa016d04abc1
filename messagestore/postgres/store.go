// Package postgres implements the message store on Postgres.
//
// A single writer commits writes in groups: one call of one SQL function is the
// whole transaction of a group (functions/append.sql). Subscriptions are served
// from the tail, which holds the end of the log in memory, and from Postgres while
// they are behind it. The poller adds to the tail what other servers have written.
//
//	Write ─▶ queue ─▶ writer ─▶ append() ─▶ Postgres
//	                    │                      │
//	                    ▼       poller ◀───────┤ head, notification
//	Subscribe ◀─────── tail ◀──────┘           │
//	    ▲                                      │
//	    └────────────── page() ◀───────────────┘
package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
)

// A Store is a messagestore.Store on Postgres. Several Stores on one database, in
// one process or in several, act as one store.
type Store struct {
	readers           *pgxpool.Pool
	subscriptionPages chan struct{} // semaphore of the pages that subscriptions read
	readPages         chan struct{} // semaphore of the pages that Reads read
	held              atomic.Int64  // bytes of the pages that are not yet delivered
	ownership         *ownership
	queue             *queue
	tail              *tail
	writer            *writer
	poller            *poller
	watchdog          *watchdog
	notifier          *notifier
	counter           *counter
	metrics           *metrics
	started           time.Time // origin of the subscriptions' clock
}

// Options configure a Store.
type Options struct {
	// Log is required.
	Log *slog.Logger
	// Policy returns the current policy: pinned owners, readers and operators. It is
	// called concurrently and for each request. If it is nil or returns nil,
	// ownership is off and every principal may write and read everything.
	Policy func() *messagestore.Policy
	// Self is the principal that writes the claims of ownership. Defaults to
	// `messagestore`.
	Self messagestore.Principal
	// Registry receives the metrics. Defaults to none.
	Registry prometheus.Registerer
}

var _ messagestore.Store = (*Store)(nil)

// Open migrates the database and returns a Store on it. The URL's user must be
// messagestore_server or be allowed to become it. The Store works with that role,
// which may only select and insert messages. Calls wait until Run is called.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Self == "" {
		o.Self = "messagestore"
	}
	if err := Migrate(ctx, url); err != nil {
		return nil, err
	}
	pool, err := readersConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the message store: %w", err)
	}
	config := pool.ConnConfig.Copy()
	readers, err := pgxpool.NewWithConfig(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("open the message store: %w", err)
	}
	self := rand.Text()
	s := &Store{
		started: time.Now(), readers: readers,
		subscriptionPages: make(chan struct{}, maxSubscriptionPages), readPages: make(chan struct{}, maxReadPages),
		ownership: &ownership{policy: o.Policy, self: o.Self},
		poller:    &poller{config: config, log: o.Log, self: self, wake: make(chan struct{}, 1)},
		notifier:  &notifier{session: session{config: config}, log: o.Log, self: self, wake: make(chan struct{}, 1)},
	}
	s.tail = newTail(s.poller.poll)
	s.metrics = newMetrics(o.Registry)
	s.queue = newQueue(s.metrics.rejected)
	s.poller.store = s
	s.writer = &writer{
		session: session{config: withoutCancel(config)}, queue: s.queue, tail: s.tail, ownership: s.ownership,
		poller: s.poller, notifier: s.notifier, log: o.Log, metrics: s.metrics,
	}
	s.watchdog = &watchdog{session: session{config: withoutRole(config)}, writing: s.writer.writing, log: o.Log, ended: s.metrics.ended}
	s.counter = &counter{readers: readers, tail: s.tail, log: o.Log}
	s.metrics.observe(o.Registry, s)
	return s, nil
}

// Run writes and serves subscriptions until the context ends. It then commits the
// writes in the queue, closes the connections and returns nil.
func (s *Store) Run(ctx context.Context) error {
	defer s.readers.Close()
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, s.tail.stop)
	for _, run := range []func(context.Context) error{s.writer.run, s.poller.run, s.watchdog.run, s.notifier.run, s.counter.run} {
		group.Go(func() error { return run(ctx) })
	}
	return group.Wait()
}

// Status is Store.Status.
func (s *Store) Status(ctx context.Context) (messagestore.Status, error) {
	head, err := s.head(ctx)
	return messagestore.Status{Head: head}, err
}
