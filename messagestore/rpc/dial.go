package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"videotutorials/internal/tracing"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// serviceConfig retries what may be repeated: all that is unary, since writes
// are idempotent by their ids. Calls wait for a server that is away, until their
// deadline: a restart is a pause, not an error. One that says that it is not
// serving gets no calls.
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
// several with commas between them, `a:8090,b:8090`. Calls go round all of them,
// and round all addresses of a name, but only to those that say that they are
// healthy. Each must have a certificate for the host by which it is named here.
// Dial does not wait for a server.
//
// config is the client's certificate and the authority that it trusts; nil: no
// TLS. Where it has GetConfigForClient, each connection calls it, with nil, and
// trusts the RootCAs of what it returns. The caller MUST close the client.
func Dial(addr string, config *tls.Config) (*Client, error) {
	return dial(addr, config)
}

func dial(addr string, config *tls.Config, options ...grpc.DialOption) (*Client, error) {
	transport := insecure.NewCredentials()
	if config != nil {
		transport = freshTLS{credentials.NewTLS(config), config}
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
		// The default backs off to 2 minutes, for which a server may be back.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: handshakeWithin,
		}),
		// What is not kept cannot be sent again; the default keeps 256 KiB.
		grpc.WithDefaultCallOptions(grpc.MaxRetryRPCBufferSize(2 * maxCall)),
		// Without streams too: a dead connection is to be known before a write.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingWithin, PermitWithoutStream: true}),
	}, append(tracing.DialOptions(), options...)...)...)
	if err != nil {
		return nil, fmt.Errorf("message store at %s: %w", addr, err)
	}
	c := &Client{conn: conn, service: messagestorev1.NewMessageStoreServiceClient(conn), servers: servers}
	c.gathering = newGathering(c.writeEach)
	c.open, c.close = context.WithCancel(context.Background())
	return c, nil
}

// Close ends the connection and what is under way on it.
func (c *Client) Close() error {
	c.close()
	return c.conn.Close()
}
