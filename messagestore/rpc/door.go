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

var errFull = errors.New("too many connections")

// A door lets connections in, as many as there is room for, and logs whom it
// refuses: they come to no call, and so to no interceptor. Over the limit it
// closes a connection at once, since who waited in a queue for the handshake
// would not go to another server.
type door struct {
	credentials.TransportCredentials
	connections *count
	full        *atomic.Bool // its log has said so
	log         *slog.Logger
}

func newDoor(transport credentials.TransportCredentials, connections *count, log *slog.Logger) door {
	return door{transport, connections, new(atomic.Bool), log}
}

func (d door) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if !d.connections.enter() {
		// A line for each would be a part of the load; the metrics count them.
		if !d.full.Swap(true) {
			d.refuse(conn, errFull)
		}
		return nil, nil, errFull
	}
	d.full.Store(false)
	secure, info, err := d.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		d.connections.leave()
		d.refuse(conn, err)
		return nil, nil, err
	}
	return &guest{Conn: secure, leave: sync.OnceFunc(d.connections.leave)}, info, nil
}

func (d door) refuse(conn net.Conn, err error) {
	d.log.LogAttrs(context.Background(), slog.LevelWarn, "connection refused",
		slog.String("peer", conn.RemoteAddr().String()), slog.String("error", err.Error()))
}

// Clone keeps the count: gRPC copies credentials.
func (d door) Clone() credentials.TransportCredentials {
	d.TransportCredentials = d.TransportCredentials.Clone()
	return d
}

// A guest is a connection that counts until it is closed.
type guest struct {
	net.Conn
	leave func()
}

func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}
