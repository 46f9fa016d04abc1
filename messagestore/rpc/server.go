package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"videotutorials/internal/interceptor"
	"videotutorials/internal/tracing"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// maxReceive lets gRPC take calls that are over the limit, so that they get
	// an answer that says so.
	maxReceive = 2 * maxCall
	// maxStreams bounds the calls of one connection at one time.
	maxStreams = 4096
	maxHeader  = 64 << 10
	// minPing is how often a client may ping: every 5 s, and some of them early.
	minPing = 4 * time.Second
	// A peer that is gone without a word is noticed in the sum of the two.
	pingAfter  = 10 * time.Second
	pingWithin = 5 * time.Second
	// drainWithin bounds how long a stopping server waits for its calls, and
	// handshakeWithin how long for a peer that says nothing.
	drainWithin     = 5 * time.Second
	handshakeWithin = 5 * time.Second
)

// ServerOptions say how a Store is served.
type ServerOptions struct {
	// TLS must require and verify client certificates: a call's principal is
	// the SPIFFE ID of its certificate. Nil: no TLS, everybody is anonymous.
	TLS *tls.Config
	// Log takes a line for each call that is worth it. Required.
	Log *slog.Logger
	// Registry takes the metrics, of one server. Required.
	Registry *prometheus.Registry
	// Version is the version that GetStatus answers.
	Version string
	// Ready returns nil while the Store can do its work. It is asked each
	// second, whatever the load, and what it says is the server's health.
	// Defaults to always.
	Ready func(context.Context) error
}

// A Server serves a Store over gRPC, with health and reflection.
type Server struct {
	grpc    *grpc.Server
	health  *healthService
	service *service
	limits  *limits
}

// NewServer returns a server of the store.
func NewServer(store messagestore.Store, o ServerOptions) *Server {
	var transport credentials.TransportCredentials
	if o.TLS == nil {
		o.Log.Warn("TLS is off: everybody is anonymous, and owns nothing")
		transport = insecure.NewCredentials()
	} else {
		transport = credentials.NewTLS(o.TLS)
	}
	border := border{tls: o.TLS != nil}
	limits := newLimits(border, o.Registry)
	layers := append(interceptor.Standard(o.Log, o.Registry), border.around)
	options := append(tracing.ServerOptions(),
		grpc.UnaryInterceptor(layers.Unary),
		grpc.StreamInterceptor(layers.Stream),
		grpc.InTapHandle(limits.tap),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeader),
		grpc.ConnectionTimeout(handshakeWithin),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingWithin}),
		grpc.Creds(newDoor(transport, limits.connections, o.Log)),
	)
	service := newService(store, o.Version, layers[1:]) // in the trace of the call
	s := &Server{grpc: grpc.NewServer(options...), health: newHealthService(service.stopping, o), service: service, limits: limits}
	messagestorev1.RegisterMessageStoreServiceServer(s.grpc, s.service)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	return s
}

// Run serves on the listener until the context ends, and closes it. Then it
// takes no new calls, ends the subscriptions with UNAVAILABLE, and returns nil
// when the other calls are done, or after 5 s. The Store must run as long. A
// Server runs once.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() { s.health.run(s.service.stopping) })
	defer s.service.stop()

	drained := make(chan struct{})
	stillRunning := context.AfterFunc(ctx, func() {
		defer close(drained)
		s.drain()
	})
	err := s.grpc.Serve(listener)
	if stillRunning() {
		s.grpc.Stop()
		return fmt.Errorf("serve gRPC on %s: %w", listener.Addr(), err)
	}
	<-drained
	return nil
}

func (s *Server) drain() {
	s.health.Shutdown()
	s.service.stop()
	timer := time.AfterFunc(drainWithin, s.grpc.Stop)
	defer timer.Stop()
	s.grpc.GracefulStop()
}
