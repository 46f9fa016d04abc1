package main

import (
	"context"
	"errors"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

// The pause between two tries to open the store grows from the first to the
// last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// open opens the store, again and again while Postgres is away. An error that
// another try cannot mend, such as a bad URL, ends it.
func open(ctx context.Context, url string, o postgres.Options) (*postgres.Store, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		store, err := postgres.Open(ctx, url, o)
		var away *messagestore.UnavailableError
		if !errors.As(err, &away) {
			return store, err
		}
		o.Log.Warn("Postgres is away", "again in", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
