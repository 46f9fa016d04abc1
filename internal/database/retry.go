package database

import (
	"context"
	"time"
)

// The pause before another try grows from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// AtLast tries until migrate returns nil, and reports whether it did before the
// context ended: a process may start before its database. Say is told of each
// failure, and of the pause before the next try.
func MigrateRetrying(ctx context.Context, say func(err error, pause time.Duration), migrate func(context.Context) error) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := migrate(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		say(err, pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
