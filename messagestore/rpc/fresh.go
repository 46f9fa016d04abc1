package rpc

import (
	"context"
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"
)

// freshTLS trusts in each connection the authority of that moment, which is
// replaced while the client runs. All verification is crypto/tls's own.
type freshTLS struct {
	credentials.TransportCredentials // with the settings of the beginning
	config                           *tls.Config
}

func (f freshTLS) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if f.config.GetConfigForClient == nil {
		return f.TransportCredentials.ClientHandshake(ctx, authority, conn)
	}
	fresh, err := f.config.GetConfigForClient(nil)
	if err != nil {
		return nil, nil, err
	}
	config := f.config.Clone()
	config.RootCAs = fresh.RootCAs
	return credentials.NewTLS(config).ClientHandshake(ctx, authority, conn)
}

// Clone keeps the settings: gRPC copies credentials.
func (f freshTLS) Clone() credentials.TransportCredentials {
	return freshTLS{f.TransportCredentials.Clone(), f.config}
}
