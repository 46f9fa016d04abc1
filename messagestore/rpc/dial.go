package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"videotutorials/internal/tracing"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// serviceConfig retries all unary calls; writes are idempotent by their ids. Calls
// wait until their deadline for a server that is away, so that a restart is no
// error. A server that fails its health check gets no calls.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"healthCheckConfig": {"serviceName": "messagestore.v1.MessageStoreService"},
	"methodConfig": [{
		"name": [{"service": "messagestore.v1.MessageStoreService"}],
		"waitForReady": true
	}, {
		"name": [
			{"service": "messagestore.v1.MessageStoreService", "method": "Write"},
			{"service": "messagestore.v1.MessageStoreService", "method": "WriteBatch"},
			{"service": "messagestore.v1.MessageStoreService", "method": "WriteEach"},
			{"service": "messagestore.v1.MessageStoreService", "method": "GetMessage"},
			{"service": "messagestore.v1.MessageStoreService", "method": "ListStreams"},
			{"service": "messagestore.v1.MessageStoreService", "method": "ListCategories"},
			{"service": "messagestore.v1.MessageStoreService", "method": "TransferOwnership"},
			{"service": "messagestore.v1.MessageStoreService", "method": "GetStatus"}
		],
		"waitForReady": true,
		"retryPolicy": {
			"maxAttempts": 5,
			"initialBackoff": "0.05s",
			"maxBackoff": "1s",
			"backoffMultiplier": 3,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}]
}`

// Dial returns a client of the servers at the address: a host and a port, or
// several separated by commas, `a:8090,b:8090`. Calls are spread over all servers,
// and over all addresses of a name, that pass their health checks. Each server
// MUST have a certificate for its host as written here. Dial does not wait for a
// connection.
//
// config has the client's certificate and the trusted authority. Nil turns TLS
// off. If config has GetConfigForClient, each connection calls it, with nil, and
// trusts the RootCAs of its result. The caller MUST close the client.
func Dial(addr string, config *tls.Config) (*Client, error) {
	return dial(addr, config)
}

func dial(addr string, config *tls.Config, options ...grpc.DialOption) (*Client, error) {
	transport := insecure.NewCredentials()
	if config != nil {
		transport = reloadingTLS{credentials.NewTLS(config), config}
	}
	servers, target, err := findServers(addr)
	if err != nil {
		return nil, fmt.Errorf("message store at %s: %w", addr, err)
	}
	if target != addr {
		options = append([]grpc.DialOption{grpc.WithContextDialer(servers.dial)}, options...)
	}
	conn, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithResolvers(servers),
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// The default maximum of 2 minutes is long after a restart has ended.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: handshakeTimeout,
		}),
		// gRPC retries only requests that it has buffered, by default up to 256 KiB.
		grpc.WithDefaultCallOptions(grpc.MaxRetryRPCBufferSize(2 * maxCall)),
		// Also without streams, so that a dead connection is noticed before a write.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout, PermitWithoutStream: true}),
	}, append(tracing.DialOptions(), options...)...)...)
	if err != nil {
		return nil, fmt.Errorf("message store at %s: %w", addr, err)
	}
	c := &Client{conn: conn, service: messagestorev1.NewMessageStoreServiceClient(conn), servers: servers}
	c.batcher = &batcher{send: c.sendBatch}
	c.open, c.close = context.WithCancel(context.Background())
	return c, nil
}

// reloadingTLS is TLS that trusts, in each connection, the authority of that
// moment: the authority may be replaced while the client runs. The verification is
// that of crypto/tls.
type reloadingTLS struct {
	credentials.TransportCredentials // with the initial authority
	config                           *tls.Config
}

// ClientHandshake implements credentials.TransportCredentials.
func (r reloadingTLS) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if r.config.GetConfigForClient == nil {
		return r.TransportCredentials.ClientHandshake(ctx, authority, conn)
	}
	current, err := r.config.GetConfigForClient(nil)
	if err != nil {
		return nil, nil, err
	}
	config := r.config.Clone()
	config.RootCAs = current.RootCAs
	return credentials.NewTLS(config).ClientHandshake(ctx, authority, conn)
}

// Clone implements credentials.TransportCredentials.
func (r reloadingTLS) Clone() credentials.TransportCredentials {
	return reloadingTLS{r.TransportCredentials.Clone(), r.config}
}
