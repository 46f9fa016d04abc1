package main

import (
	"context"
	"log/slog"
	"time"

	"videotutorials/viewdata"
)

// The pause before another try grows from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// migrate tries until View Data is up to date, and reports whether that was so
// before the context ended.
func migrate(ctx context.Context, url string, log *slog.Logger) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := viewdata.Migrate(ctx, url)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		log.WarnContext(ctx, "view data is not there, trying again", "error", err, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
