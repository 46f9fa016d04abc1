package service

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
)

// Free ranges are looked for below the ports that the kernel gives to outgoing
// connections.
const lowestPort, highestPort = 10000, 32000

// FreePort returns a VT_PORT whose ports, those of all offsets, are free now.
// Others that ask at the same time get another one, most likely: it is random.
func FreePort(ctx context.Context) (int, error) {
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if PortsFree(ctx, port) == nil {
			return port, nil
		}
	}
	return 0, errors.New("no free range of ports found")
}

// PortsFree returns nil if the ports of all offsets from the VT_PORT on are free,
// and else an error that names one that is not.
func PortsFree(ctx context.Context, port int) error {
	for offset := range AggregatorsOpsPort + 1 {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", Addr(port, offset))
		if err != nil {
			return err
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}
