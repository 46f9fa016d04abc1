package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"videotutorials/internal/service"
)

const (
	// Free ranges are looked for below the ports that the kernel gives to
	// outgoing connections.
	lowest, highest = 10000, 32000
	lastOffset      = service.AggregatorsOpsPort
	// release is how long the processes of a videotutorials that was killed may
	// still hold their ports.
	release = 5 * time.Second
)

// choosePort returns the first port of the range: the one asked for, when it is
// free, or any free range for 0.
func choosePort(ctx context.Context, asked int) (int, error) {
	if asked != 0 {
		return asked, awaitFree(ctx, asked)
	}
	for range 100 {
		port := lowest + rand.IntN(highest-lowest)
		if rangeFree(ctx, port) == nil {
			return port, nil
		}
	}
	return 0, errors.New("no free range of ports found")
}

// awaitFree returns nil when the ports from the first one on are free. Children
// would else start again and again, and what answers there might be taken for
// them.
func awaitFree(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, release)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := rangeFree(ctx, port)
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

func rangeFree(ctx context.Context, port int) error {
	for offset := range lastOffset + 1 {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", service.Addr(port, offset))
		if err != nil {
			return err
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}
