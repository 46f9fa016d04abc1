package viewdata

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// firstPause and longestPause bound how long a Listener that has lost its
	// connection waits before it makes another.
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// silence is after how long without a notification the connection is asked
	// whether it lives; askPatience is how long it may take to say so.
	silence     = 30 * time.Second
	askPatience = 5 * time.Second
)

// A Listener wakes those who wait for an operation's row. To be woken is a hint:
// the row may not be there yet, and while the connection is away nobody is woken.
// Who waits MUST look from time to time anyway.
type Listener struct {
	config *pgx.ConnConfig
	log    *slog.Logger

	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

// NewListener returns a Listener with a connection of its own, made as the
// pool's are. Run makes it.
func NewListener(db *pgxpool.Pool, log *slog.Logger) *Listener {
	return &Listener{config: db.Config().ConnConfig, log: log, waiting: map[string]map[chan struct{}]struct{}{}}
}

// Wait returns a channel that gets a value when there may be news of the
// operation with the trace id, a UUID in lower case. Call stop when nobody waits
// any longer.
func (l *Listener) Wait(traceID string) (woken <-chan struct{}, stop func()) {
	// With room for one, so that news between two looks are not lost, and nobody
	// who is slow holds the others up.
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[traceID] == nil {
		l.waiting[traceID] = map[chan struct{}]struct{}{}
	}
	l.waiting[traceID][c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting[traceID], c)
		if len(l.waiting[traceID]) == 0 {
			delete(l.waiting, traceID)
		}
	}
}

// Run listens until the context ends, and then returns nil. It connects again
// whenever the connection is lost.
func (l *Listener) Run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		listened, err := l.listen(ctx)
		if listened {
			pause = firstPause
		}
		l.rest(ctx, pause, err)
		pause = min(2*pause, longestPause)
	}
	return nil
}

// rest waits before the next try, if there is to be one.
func (l *Listener) rest(ctx context.Context, pause time.Duration, err error) {
	if ctx.Err() != nil {
		return
	}
	l.log.WarnContext(ctx, "listening to view data was interrupted", "err", err, "again", pause)
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

// listen makes a connection and listens on it until it is lost. It reports
// whether it could listen at all.
func (l *Listener) listen(ctx context.Context) (listened bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen operations"); err != nil {
		return false, err
	}
	l.wakeAll() // of what came until now, nobody has heard
	for {
		bounded, cancel := context.WithTimeout(ctx, silence)
		n, err := conn.WaitForNotification(bounded)
		cancel()
		switch {
		case err == nil:
			l.wake(n.Payload)
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			if err := ask(ctx, conn); err != nil {
				return true, err
			}
		default:
			return true, err
		}
	}
}

// ask returns an error if the connection is dead.
func ask(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	return conn.Ping(ctx)
}

func (l *Listener) wake(traceID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.waiting[traceID] {
		signal(c)
	}
}

func (l *Listener) wakeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, waiters := range l.waiting {
		for c := range waiters {
			signal(c)
		}
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has not been heard yet that there are news
	}
}
