// Package postgres is the message store on Postgres.
//
// Writes go through one writer that commits them in groups; one call of one SQL
// function is the whole of a group (functions/append.sql). Subscriptions
// are served from the tail, the end of the log in memory, and from Postgres where
// they are behind it. The watch keeps the tail up with what other servers write.
//
//	Write ─▶ queue ─▶ writer ─▶ append() ─▶ Postgres
//	                    │                      │
//	                    ▼        watch ◀───────┤ head, notification
//	Subscribe ◀─────── tail ◀──────┘           │
//	    ▲                                      │
//	    └────────────── page() ◀───────────────┘
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
)

// answerWithin bounds how long a write without a deadline waits for its verdict.
const answerWithin = 30 * time.Second

// A Store is a messagestore.Store on Postgres. Several Stores, in one process or
// in several, on one database are one store.
type Store struct {
	readers   *pgxpool.Pool
	turns     chan struct{} // holds one for each page that a subscription reads
	reads     chan struct{} // and one for each that a Read reads
	held      atomic.Int64  // how many bytes are in pages that were read and not yet taken
	ownership *ownership
	queue     *queue
	tail      *tail
	writer    *writer
	watch     *watch
	watchdog  *watchdog
	notifier  *notifier
	counter   *counter
	metrics   *metrics
	begun     time.Time // of the beat of the subscriptions
}

// Options say how a Store works.
type Options struct {
	// Log takes what is worth a line. Required.
	Log *slog.Logger
	// Policy returns the policy that holds now: to whom categories are pinned, and
	// who may read what. It is called often, by many. Nil, or where it returns nil:
	// ownership is off, and everybody may write and read everything.
	Policy func() *messagestore.Policy
	// Self is the principal that alone writes the claims of ownership. Defaults to
	// `messagestore`.
	Self messagestore.Principal
	// Registry takes the metrics. Defaults to none.
	Registry prometheus.Registerer
}

var _ messagestore.Store = (*Store)(nil)

// Open migrates the database and returns a Store on it. The URL's user must be
// messagestore_server or be allowed to become it; the Store works as that role,
// which may select and insert messages and no more. Calls wait until Run runs.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	log := o.Log
	if o.Self == "" {
		o.Self = "messagestore"
	}
	if err := Migrate(ctx, url); err != nil {
		return nil, err
	}
	config, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("open the message store: %w", err)
	}
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the message store: %w", err)
	}
	pool.ConnConfig = config
	pool.MaxConns = maxReaders
	readers, err := pgxpool.NewWithConfig(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("open the message store: %w", err)
	}
	login, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the message store: %w", err)
	}
	prepare(login)

	self := rand.Text()
	m := newMetrics(o.Registry)
	s := &Store{
		metrics: m, begun: time.Now(),
		readers: readers, turns: make(chan struct{}, maxSubscriptionPages), reads: make(chan struct{}, maxReadPages),
		queue:     newQueue(m.refused),
		ownership: &ownership{policy: o.Policy, self: o.Self},
	}
	s.watch = &watch{config: config, store: s, log: log, self: self, poke: make(chan struct{}, 1)}
	s.tail = newTail(s.watch.look)
	s.watch.tail = s.tail
	s.notifier = &notifier{config: config, self: self, log: log, signal: make(chan struct{}, 1)}
	s.writer = &writer{
		config: withoutCancel(config), queue: s.queue, tail: s.tail, ownership: s.ownership, log: log, metrics: m,
		committed: s.notifier.committed,
		unsure: func() {
			s.watch.distrust.Store(true)
			s.watch.look()
		},
	}
	s.counter = &counter{readers: readers, tail: s.tail, log: log}
	s.watchdog = &watchdog{config: login, stuck: s.writer.stuck, log: log, ended: m.ended}
	m.observe(o.Registry, s)
	return s, nil
}

// Run writes, watches and serves subscriptions until the context ends; then it
// writes what still waits and closes the connections. It returns nil when the
// context ended.
func (s *Store) Run(ctx context.Context) error {
	defer s.readers.Close()
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{s.writer.run, s.watch.run, s.watchdog.run, s.notifier.run, s.counter.run} {
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error {
		<-ctx.Done()
		s.tail.stop()
		return nil
	})
	return group.Wait()
}

// Write is Store.Write.
func (s *Store) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	return s.Begin(ctx, []messagestore.Write{{Stream: stream, Expected: expected, Messages: messages}})[0]()
}

// Begin makes each write as Write would, in two steps, and all at once: it returns
// when they have their places in the queue, and each wait when its write has its
// outcome. All that it returns MUST be called.
func (s *Store) Begin(ctx context.Context, writes []messagestore.Write) (waits []func() (messagestore.Written, error)) {
	all := make([]checked, 0, len(writes))
	for i := range writes {
		var v violations
		u := v.writes(writes[i:i+1], func(int) string { return "" })
		if len(writes[i].Messages) == 0 {
			v.add("messages", "is required, at least one message")
		}
		all = append(all, checked{u, v.err()})
	}
	for _, wait := range s.begin(ctx, all...) {
		waits = append(waits, func() (messagestore.Written, error) {
			written, err := wait()
			if err != nil {
				return messagestore.Written{}, err
			}
			return written[0], nil
		})
	}
	return waits
}

// WriteBatch is Store.WriteBatch.
func (s *Store) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	var v violations
	if len(writes) == 0 || len(writes) > maxCallWrites {
		v.add("writes", "%d writes, 1 to %d are allowed", len(writes), maxCallWrites)
		return nil, v.err()
	}
	u := v.writes(writes, func(i int) string { return fmt.Sprintf("writes[%d].", i) })
	return s.begin(ctx, checked{u, v.err()})[0]()
}

// A checked unit is one with what is wrong in it, nil for nothing.
type checked struct {
	*unit
	err error
}

// begin puts the units into the queue, as the caller's, but for those that are
// refused here, and returns how each one's verdict is waited for.
func (s *Store) begin(ctx context.Context, all ...checked) (waits []func() ([]messagestore.Written, error)) {
	units := make([]*unit, 0, len(all))
	for _, u := range all {
		err := u.err
		if err == nil {
			err = s.mayCheck(ctx, u.unit)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			waits = append(waits, func() ([]messagestore.Written, error) { return nil, err })
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, answerWithin)
		u.writer, u.ctx, u.done = messagestore.PrincipalOf(ctx), bounded, make(chan verdict, 1)
		units = append(units, u.unit)
		waits = append(waits, func() ([]messagestore.Written, error) {
			defer cancel()
			return s.wait(ctx, u.unit)
		})
	}
	if len(units) > 0 {
		s.queue.put(units...)
	}
	return waits
}

// mayCheck returns an error where the unit checks the version of a stream that the
// caller may not read: a check alone tells what is in a stream.
func (s *Store) mayCheck(ctx context.Context, u *unit) error {
	for i := range u.writes {
		if len(u.writes[i].Messages) > 0 {
			continue
		}
		if err := s.ownership.mayRead(ctx, messagestore.OfStream(u.writes[i].Stream)); err != nil {
			return err
		}
	}
	return nil
}

// wait returns the unit's verdict, as long as the caller waits.
func (s *Store) wait(ctx context.Context, u *unit) ([]messagestore.Written, error) {
	select {
	case v := <-u.done:
		var conflict *messagestore.IDConflictError
		if errors.As(v.err, &conflict) && s.ownership.mayRead(ctx, messagestore.OfStream(conflict.StoredStream)) != nil {
			conflict.StoredStream = "" // not theirs to know
		}
		return v.written, v.err
	case <-u.ctx.Done():
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &messagestore.UnavailableError{Reason: "no verdict from Postgres in time"}
	}
}

var errStale = &messagestore.UnavailableError{Reason: "Postgres is away: the head of the log has not been seen for too long"}
