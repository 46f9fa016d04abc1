package rpc

import (
	"crypto/tls"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// serviceConfig retries what may be repeated: all that is unary, since writes
// are idempotent by their ids. Calls wait for a server that is away, until their
// deadline: a restart is a pause, not an error.
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

// Dial returns a client of the server at the address, a host and a port. It does
// not wait for the server. Where the name has several addresses, calls go round
// them. config is the client's certificate and the authority that it trusts;
// nil: no TLS. The caller MUST close the client.
func Dial(addr string, config *tls.Config) (*Client, error) {
	return dial(addr, config)
}

func dial(addr string, config *tls.Config, options ...grpc.DialOption) (*Client, error) {
	transport := insecure.NewCredentials()
	if config != nil {
		transport = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient(addr, append([]grpc.DialOption{
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
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("message store at %s: %w", addr, err)
	}
	return &Client{conn, messagestorev1.NewMessageStoreServiceClient(conn)}, nil
}

// Close ends the connection and what is under way on it.
func (c *Client) Close() error { return c.conn.Close() }
