package rpc

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"google.golang.org/grpc/credentials"
)

// loggedTLS logs the peers that it refuses: they come to no call, and so to no
// interceptor.
type loggedTLS struct {
	credentials.TransportCredentials
	log *slog.Logger
}

func newLoggedTLS(config *tls.Config, log *slog.Logger) loggedTLS {
	return loggedTLS{credentials.NewTLS(config), log}
}

func (l loggedTLS) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := l.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		l.log.LogAttrs(context.Background(), slog.LevelWarn, "TLS handshake refused",
			slog.String("peer", conn.RemoteAddr().String()), slog.String("error", err.Error()))
	}
	return secure, info, err
}

// Clone keeps the log: gRPC copies credentials.
func (l loggedTLS) Clone() credentials.TransportCredentials {
	return loggedTLS{l.TransportCredentials.Clone(), l.log}
}
