package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRenew: a system that runs for years looks at its certificates each day, and
// where it could not renew them soon again: a pair may be renewed by half.
func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		var looks []time.Duration
		ctx, stop := context.WithTimeout(t.Context(), 5*day+time.Hour)
		defer stop()
		begun := time.Now()
		renew(ctx, func() error {
			looks = append(looks, time.Since(begun))
			if len(looks) == 3 || len(looks) == 4 {
				return errors.New("the disk is full")
			}
			return nil
		}, slog.New(slog.DiscardHandler))
		again := 3*day + 2*renewRetry
		if want := []time.Duration{day, 2 * day, 3 * day, 3*day + renewRetry, again, again + day, again + 2*day}; !slices.Equal(looks, want) {
			t.Errorf("looked after %v, want %v", looks, want)
		}
	})
}
