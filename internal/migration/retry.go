package migration

import (
	"context"
	"log/slog"
	"time"
)

// The pause before another try grows from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// AtLast tries until migrate returns nil, and reports whether it did before the
// context ended: a process may start before its database. What is the database,
// for the log.
func AtLast(ctx context.Context, log *slog.Logger, what string, migrate func(context.Context) error) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := migrate(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		log.WarnContext(ctx, "a database is not there, trying again", "database", what, "error", err, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
