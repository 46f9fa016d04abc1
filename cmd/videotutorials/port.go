package main

import (
	"context"
	"fmt"
	"time"

	"videotutorials/internal/service"
)

// release is how long the processes of a videotutorials that was killed may still
// hold their ports.
const release = 5 * time.Second

// choosePort returns the first port of the range: the one asked for, when it is
// free, or any free range for 0.
func choosePort(ctx context.Context, asked int) (int, error) {
	if asked != 0 {
		return asked, awaitFree(ctx, func(ctx context.Context) error { return service.PortsFree(ctx, asked) })
	}
	return service.FreePort(ctx)
}

// awaitFree returns nil when the ports are free. Children would else start again
// and again, and what answers there might be taken for them.
func awaitFree(ctx context.Context, free func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, release)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := free(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: choose other ports with VT_PORT, 0 picks free ones", err)
		case <-ticker.C:
		}
	}
}
