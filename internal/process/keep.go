// Package supervisor keeps processes running: one that ends is started again.
package process

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	// The pause before a new start doubles from the first to the last.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	// steady is how long something has to run for its next pause to be the first.
	steady = 10 * time.Second
)

// Keep calls run, and again whenever it returns, until the context ends. run
// runs something until that ends by itself or the context does, and says why it
// ended.
func Keep(ctx context.Context, log *slog.Logger, run func(context.Context) error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		started := time.Now()
		err := run(ctx)
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, ctx.Err()) {
				log.Warn("did not end in order", "error", err)
			}
			return
		}
		if time.Since(started) >= steady {
			pause = firstPause
		}
		log.Warn("ended by itself, starting it again", "error", err, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
