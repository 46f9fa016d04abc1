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
	// FurtherOpsPort is the first of those of programs from elsewhere.
	FurtherOpsPort = 14
)

// Addr returns the address of the port at the offset, as 127.0.0.1:8090.
func Addr(port, offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+offset))
}

// FreePort looks below the ports that the kernel gives to outgoing connections.
const lowestPort, highestPort = 10000, 32000

// FreePort returns a random VT_PORT for which PortsFree returns nil, so that
// concurrent callers most likely get different ones.
func FreePort(ctx context.Context) (int, error) {
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if PortsFree(ctx, port, 0) == nil {
			return port, nil
		}
	}
	return 0, errors.New("no free range of ports found")
}

// PortsFree returns nil if the ports at all offsets from the VT_PORT, and at those
// of n further programs, are free, else an error that names the first one in use.
func PortsFree(ctx context.Context, port, n int) error {
	for offset := range FurtherOpsPort + n {
		if err := PortFree(ctx, port, offset); err != nil {
			return err
		}
	}
	return nil
}

// PortFree returns nil if the port at the offset is free.
func PortFree(ctx context.Context, port, offset int) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", Addr(port, offset))
	if err != nil {
		return err
	}
	return listener.Close()
}
