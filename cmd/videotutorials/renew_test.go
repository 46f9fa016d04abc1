package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestRenew: a system that runs for years looks at its certificates each day, also
// after a day on which it could not.
func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		days := 0
		ctx, stop := context.WithTimeout(t.Context(), 10*24*time.Hour+time.Hour)
		defer stop()
		renew(ctx, func() error {
			days++
			if days == 3 {
				return errors.New("the disk is full")
			}
			return nil
		}, slog.New(slog.DiscardHandler))
		if days != 10 {
			t.Errorf("looked at %d times in ten days", days)
		}
	})
}
