package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// Keep waits firstBackoff to lastBackoff before a restart.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
	// steady is how long run has to run for the next backoff to be firstBackoff.
	steady = 10 * time.Second
)

// Keep calls run, and again whenever it returns, until the context ends. run
// returns why it ended; its error after the end of the context is logged.
func Keep(ctx context.Context, log *slog.Logger, run func(context.Context) error) {
	b := &backoff.ExponentialBackOff{InitialInterval: firstBackoff, Multiplier: 2, MaxInterval: lastBackoff}
	keep := func() (struct{}, error) {
		started := time.Now()
		err := run(ctx)
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, ctx.Err()) {
				log.Warn("stop", "error", err)
			}
			return struct{}{}, nil
		}
		if time.Since(started) >= steady {
			b.Reset()
		}
		return struct{}{}, fmt.Errorf("ended: %w", err)
	}
	restarting := func(err error, pause time.Duration) {
		log.Warn("restarting", "error", errors.Unwrap(err), "pause", pause)
	}
	_, _ = backoff.Retry(ctx, keep, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0), backoff.WithNotify(restarting))
}
