package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
)

var errTooManyConnections = errors.New("too many connections")

// A connectionLimiter bounds the connections of a server, and logs the rejected
// ones, which no interceptor sees. It closes a connection over the limit at once:
// a client that waits for the handshake would not try another server.
type connectionLimiter struct {
	credentials.TransportCredentials
	connections *meteredLimit
	full        *atomic.Bool // the last connection was over the limit
	log         *slog.Logger
}

// ServerHandshake implements credentials.TransportCredentials.
func (l connectionLimiter) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if !l.connections.acquire("") {
		// A line for each would add to the overload; the metrics count them.
		if !l.full.Swap(true) {
			l.logRefused(conn, errTooManyConnections)
		}
		return nil, nil, errTooManyConnections
	}
	l.full.Store(false)
	release := sync.OnceFunc(func() { l.connections.release("") })
	secure, info, err := l.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		release()
		l.logRefused(conn, err)
		return nil, nil, err
	}
	return countedConn{secure, release}, info, nil
}

func (l connectionLimiter) logRefused(conn net.Conn, err error) {
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "connection refused",
		slog.String("peer", conn.RemoteAddr().String()), slog.String("error", err.Error()))
}

// Clone implements credentials.TransportCredentials. The clone shares the limit.
func (l connectionLimiter) Clone() credentials.TransportCredentials {
	l.TransportCredentials = l.TransportCredentials.Clone()
	return l
}

// A countedConn is a connection that counts until it is closed.
type countedConn struct {
	net.Conn
	release func()
}

func (c countedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
