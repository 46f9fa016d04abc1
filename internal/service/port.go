package service

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Offsets of the ports from VT_PORT.
const (
	RESTPort            = 0
	ApplicationPort     = 1
	MVCPort             = 5
	MessageStorePort    = 10
	MessageStoreOpsPort = 11
	ComponentsOpsPort   = 12
	AggregatorsOpsPort  = 13
	// FurtherOpsPort is the first port of further programs, for their operations.
	FurtherOpsPort = 14
)

// Addr returns the address of the port at the offset, as 127.0.0.1:8090.
func Addr(port, offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+offset))
}

// The ports of FreePort are below those that the kernel gives to outgoing connections.
const lowestPort, highestPort = 10000, 32000

// FreePort returns a random VT_PORT with all its ports free, so that concurrent callers
// most likely get different ones.
func FreePort(ctx context.Context) (int, error) {
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if PortsFree(ctx, port, 0, FurtherOpsPort) == nil {
			return port, nil
		}
	}
	return 0, errors.New("no free range of ports found")
}

// PortsFree returns nil if the ports at the offsets first to end-1 from the VT_PORT are
// free, else an error that names the first one in use.
func PortsFree(ctx context.Context, port, first, end int) error {
	for offset := first; offset < end; offset++ {
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
