package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

const (
	// resolveFor bounds how long a group is run again while its outcome is
	// unknown: a restart of Postgres fits in.
	resolveFor = 8 * time.Second
	// drainFor bounds the writing of what waits when the store stops.
	drainFor = 10 * time.Second
)

// A writer stores what waits in the queue, group after group: while one
// transaction is on its way the next group gathers.
type writer struct {
	config *pgx.ConnConfig
	queue  *queue
	tail   *tail
	log    *slog.Logger
	// ownership decides who may write what.
	ownership *ownership
	// unsure is told when the outcome of a group is unknown.
	unsure func()
	// committed is told how many messages a group had that has committed.
	committed func(messages int)

	metrics *metrics
	// failing is why the last group was not stored.
	failing failure

	conn *pgx.Conn
	// since is when the group on its way was sent, in Unix nanoseconds; 0 where
	// none is. The watchdog reads it.
	since atomic.Int64
}

// run writes until the context ends, and then what still waits.
func (w *writer) run(ctx context.Context) error {
	// Not the callers' context, nor the one that ends with the process: a group
	// that was begun is brought to its end.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer func() { closeConn(w.conn) }()
	defer w.queue.fail(errStopping)

	// Also where a write is under way that does not return.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainFor, stop) })()

	done := ctx.Done()
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for {
		select {
		case <-w.queue.filled:
		case <-probe.C:
			// Nobody may call while the store is not ready, and it must find out.
			if w.failing.get() != nil {
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

// write stores the group and answers its callers. A group that fails with a data
// error runs again member by member, so that only the guilty one is refused.
func (w *writer) write(ctx context.Context, g *group) {
	result, err := w.resolve(ctx, g)
	switch {
	case err == nil:
		w.failing.stored(g.messages)
		verdicts, stored := g.verdicts(result, w.ownership.self)
		// The tail first: whoever reads after the answer finds the message.
		w.tail.offer(result.before(), stored)
		for i, u := range g.units {
			u.answer(verdicts[i])
		}
		if len(stored) > 0 {
			w.committed(len(stored))
		}
	case len(g.units) > 1 && !passing(err):
		for _, u := range g.units {
			alone := &group{}
			alone.add(u)
			w.write(ctx, alone)
		}
	default:
		w.refuse(g, err)
	}
}

// refuse answers the callers of a group that could not be stored.
func (w *writer) refuse(g *group, err error) {
	answer := translate(context.Background(), err)
	if !guilty(err) {
		w.failing.failed(err, g.messages)
	}
	if strings.HasPrefix(database.SQLState(err), classData) {
		answer = &messagestore.InvalidError{Violations: []messagestore.Violation{
			{Field: "messages", Description: "Postgres refuses them: " + postgresText(err)},
		}}
	}
	w.log.Error("write a group", "err", err, "calls", len(g.units), "messages", g.messages)
	for _, u := range g.units {
		u.answer(verdict{err: answer})
	}
	var unavailable *messagestore.UnavailableError
	if errors.As(answer, &unavailable) {
		// Nobody else has to find out by waiting as long.
		w.queue.fail(answer)
	}
}

// resolve runs the group until its outcome is known: after a broken connection it
// may have committed or not, and the second run tells, since the ids are looked
// up under the lock.
func (w *writer) resolve(ctx context.Context, g *group) (*appended, error) {
	w.since.Store(time.Now().UnixNano())
	defer w.since.Store(0)
	pause := time.Duration(0) // a backend that was ended is made anew at once
	for start := time.Now(); ; {
		sent := time.Now()
		result, err := w.try(ctx, g)
		if err == nil && pause > 0 {
			// An earlier try may have committed, and nobody was told.
			w.tail.behind()
			w.committed(g.messages)
		}
		if err == nil && len(g.units) > 0 {
			w.metrics.commitSeconds.Observe(time.Since(sent).Seconds())
			w.metrics.groupCalls.Observe(float64(len(g.units)))
			w.metrics.groupMessages.Observe(float64(g.messages))
		}
		if err == nil || !passing(err) || database.SQLState(err) == diskFull {
			return result, err
		}
		w.metrics.retries.Inc()
		w.unsure()
		w.log.Warn("write a group, will try again", "err", err, "after", time.Since(start))
		if time.Since(start)+pause > resolveFor || ctx.Err() != nil {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(max(2*pause, 10*time.Millisecond), 500*time.Millisecond)
	}
}

func (w *writer) try(ctx context.Context, g *group) (*appended, error) {
	if w.conn == nil {
		conn, err := pgx.ConnectConfig(context.WithValue(ctx, connectKey{}, true), w.config)
		if err != nil {
			return nil, err
		}
		w.conn = conn
	}
	result, err := g.store(ctx, w.conn, w.ownership)
	if w.conn.IsClosed() || err != nil && passing(err) {
		closeConn(w.conn)
		w.conn = nil
	}
	return result, err
}

// stuck returns how long the group on its way has been so.
func (w *writer) stuck() time.Duration {
	since := w.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.Unix(0, since))
}
