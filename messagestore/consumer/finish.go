package consumer

import (
	"context"
	"time"
)

// grace is how long what was taken up may go on after a stop.
const grace = 10 * time.Second

// finishing returns a context for work that a stop does not break off: it ends
// 10 s after ctx. The caller calls done when the work is.
func finishing(ctx context.Context) (work context.Context, done context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return work, func() {
		stop()
		cancel()
	}
}

// wait reports whether the pause passed before the context ended.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
