package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

const (
	// resolveTimeout bounds the retries of a group with an unknown outcome. It is
	// longer than a restart of Postgres.
	resolveTimeout = 8 * time.Second
	// drainTimeout bounds the writing of the queue when the store stops.
	drainTimeout = 10 * time.Second
)

// A writer commits the units of the queue group by group. While one transaction
// runs, the units of the next group collect in the queue.
type writer struct {
	session   session
	queue     *queue
	tail      *tail
	ownership *ownership
	poller    *poller
	notifier  *notifier
	log       *slog.Logger
	metrics   *metrics
	failing   atomic.Pointer[failure]
	// since is the time when the running group was sent, in Unix nanoseconds, or 0.
	since atomic.Int64
}

// run writes until the context ends, and then what is still in the queue.
func (w *writer) run(ctx context.Context) error {
	// Neither the callers' context nor that of the process: a group that was sent
	// must run to its end.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer w.session.close()
	defer w.queue.fail(errStopping)

	// Also ends a write that Postgres does not answer.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, stop) })()

	done := ctx.Done()
	probe := time.NewTicker(probeInterval)
	defer probe.Stop()
	for {
		select {
		case <-w.queue.nonEmpty:
		case <-probe.C:
			// While the store is not ready it may get no writes to recover by.
			if w.failing.Load() != nil {
				w.write(work, &group{})
			}
		case <-done:
			w.queue.close()
			done = nil
		}
		for g := w.queue.take(); g != nil; g = w.queue.take() {
			w.write(work, g)
		}
		if done == nil {
			return nil
		}
	}
}

// write stores the group and finishes its units. If the group fails with a data
// error, its units run again one by one, so that only the cause is rejected.
func (w *writer) write(ctx context.Context, g *group) {
	a, err := w.resolve(ctx, g)
	switch {
	case err == nil:
		w.recordStored(g.messages)
		results, stored := g.results(a, w.ownership.self)
		// The tail comes first: a caller reads its own message after the result.
		w.tail.offer(a.headBefore(), stored)
		for i, u := range g.units {
			u.done <- results[i]
		}
		if len(stored) > 0 {
			w.notifier.committed(len(stored))
		}
	case len(g.units) > 1 && !temporary(err):
		for _, u := range g.units {
			single := &group{}
			single.add(u)
			w.write(ctx, single)
		}
	default:
		w.reject(g, err)
	}
}

// reject finishes the units of a group that was not stored.
func (w *writer) reject(g *group, err error) {
	if !rejectsContent(err) {
		w.recordFailed(err, g.messages)
	}
	w.log.Error("write a group", "error", err, "count", g.messages)
	translated := translate(context.Background(), err)
	if pg := new(pgconn.PgError); errors.As(err, &pg) && strings.HasPrefix(pg.Code, classData) {
		translated = invalid("messages", errors.New("Postgres rejects them: "+pg.Message))
	}
	for _, u := range g.units {
		u.done <- result{err: translated}
	}
	var unavailable *messagestore.UnavailableError
	if errors.As(translated, &unavailable) {
		w.queue.fail(translated) // the others would wait as long in vain
	}
}

// resolve runs the group until its outcome is known. After a broken connection the
// group may have committed; the next attempt returns its result, since append
// looks up the ids under the lock.
func (w *writer) resolve(ctx context.Context, g *group) (*appended, error) {
	start := time.Now()
	w.since.Store(start.UnixNano())
	defer w.since.Store(0)
	attempts := 0
	return backoff.Retry(ctx, func() (*appended, error) {
		attempts++
		sent := time.Now()
		a, err := w.attempt(ctx, g)
		switch {
		case err != nil && (!temporary(err) || database.SQLState(err) == diskFull):
			return nil, backoff.Permanent(err)
		case err != nil:
			w.metrics.retries.Inc()
			w.poller.distrust.Store(true)
			w.poller.poll()
			return nil, err
		case attempts > 1:
			// An earlier attempt may have committed without a notification.
			w.poller.poll()
			w.notifier.committed(g.messages)
		}
		if len(g.units) > 0 {
			w.metrics.commitSeconds.Observe(time.Since(sent).Seconds())
			w.metrics.groupCalls.Observe(float64(len(g.units)))
			w.metrics.groupMessages.Observe(float64(g.messages))
		}
		return a, nil
	}, backoff.WithBackOff(database.Backoff(time.Millisecond, 500*time.Millisecond)), backoff.WithMaxElapsedTime(resolveTimeout),
		backoff.WithNotify(func(err error, pause time.Duration) {
			w.log.Warn("write a group, retrying", "error", err, "duration", time.Since(start), "pause", pause)
		}))
}

func (w *writer) attempt(ctx context.Context, g *group) (*appended, error) {
	conn, err := w.session.connect(ctx)
	if err != nil {
		return nil, err
	}
	a, err := g.store(ctx, conn, w.ownership)
	if conn.IsClosed() || err != nil && temporary(err) {
		w.session.close()
	}
	return a, err
}

// writing returns for how long the running group has been running.
func (w *writer) writing() time.Duration {
	since := w.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.Unix(0, since))
}
