package viewdata

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/internal/database"
)

const (
	// firstBackoff and maxBackoff bound the time between the loss of a Listener's
	// connection and the next one.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	// pingAfter is the time without a notification after which the connection is
	// pinged, for at most pingTimeout: a Postgres that hangs sends nothing either.
	pingAfter   = 30 * time.Second
	pingTimeout = 5 * time.Second
)

// A Listener wakes waiters when an operation may have an outcome. A notification is a
// hint: the row may not be visible yet, and there are no notifications while
// Postgres is unavailable. A waiter MUST also poll.
type Listener struct {
	config *pgx.ConnConfig
	log    *slog.Logger

	mu sync.Mutex
	// waiters has the trace ID of each waiter.
	waiters map[chan struct{}]string
}

// NewListener returns a Listener. Run connects it, with the settings of the pool,
// but with a connection outside of it.
func NewListener(db *pgxpool.Pool, log *slog.Logger) *Listener {
	return &Listener{config: db.Config().ConnConfig, log: log, waiters: map[chan struct{}]string{}}
}

// Wait returns a channel that receives a value when the operation with the trace
// ID, a UUID in lower case, may have an outcome. The caller MUST call stop.
func (l *Listener) Wait(traceID string) (woken <-chan struct{}, stop func()) {
	// The buffer keeps a notification between two polls of the waiter, and a slow
	// waiter does not block the others.
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiters[c] = traceID
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiters, c)
	}
}

// Run listens until the context ends, and then returns nil, as errgroup requires. It
// reconnects with backoff when it loses the connection.
func (l *Listener) Run(ctx context.Context) error {
	b := database.Backoff(firstBackoff, maxBackoff)
	listen := func() (struct{}, error) { return struct{}{}, l.listen(ctx, b.Reset) }
	_, _ = backoff.Retry(ctx, listen, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, pause time.Duration) {
			l.log.WarnContext(ctx, "lost the connection to view data", "error", err, "pause", pause)
		}))
	return nil // Retry ends with the context
}

// listen connects, calls connected, and listens until it loses the connection.
func (l *Listener) listen(ctx context.Context, connected func()) error {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen operations"); err != nil {
		return err
	}
	connected()
	l.wake("") // notifications before the connection were missed
	for {
		n, err := waitForNotification(ctx, conn)
		switch {
		case err == nil:
			l.wake(n.Payload)
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			if err := ping(ctx, conn); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func waitForNotification(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, pingAfter)
	defer cancel()
	return conn.WaitForNotification(ctx)
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// wake notifies the waiters for the trace ID; "" means all waiters.
func (l *Listener) wake(traceID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c, id := range l.waiters {
		if traceID != "" && id != traceID {
			continue
		}
		select {
		case c <- struct{}{}:
		default: // the waiter has not received the last notification yet
		}
	}
}
