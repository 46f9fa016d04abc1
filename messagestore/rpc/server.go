package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
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
	// maxReceive lets gRPC read calls over maxCall, so that they get an
	// INVALID_ARGUMENT.
	maxReceive = 2 * maxCall
	// maxStreams bounds the concurrent calls of one connection.
	maxStreams = 4096
	maxHeader  = 64 << 10
	// minPing allows clients to ping every 5 s, with some jitter.
	minPing = 4 * time.Second
	// A dead peer is noticed after pingAfter + pingTimeout.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
	// drainTimeout bounds how long a stopping server waits for its calls.
	drainTimeout     = 5 * time.Second
	handshakeTimeout = 5 * time.Second
)

// ServerOptions configure a Server.
type ServerOptions struct {
	// TLS MUST require and verify client certificates: the principal of a call is
	// the SPIFFE ID of the certificate. Nil turns TLS off, and every caller is
	// anonymous.
	TLS *tls.Config
	// Log receives a line for each call, at the level of interceptor.Level. Required.
	Log *slog.Logger
	// Registry receives the metrics. It serves one Server. Required.
	Registry *prometheus.Registry
	// Version is the version in the answer of GetStatus.
	Version string
	// Ready returns nil if the Store can work. The server calls it every second, and
	// its health is the result. Defaults to always ready.
	Ready func(context.Context) error
}

// A Server serves a Store over gRPC, with health checks and reflection.
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
		o.Log.Warn("TLS is off: every caller is anonymous, and ownership is off")
		transport = insecure.NewCredentials()
	} else {
		transport = credentials.NewTLS(o.TLS)
	}
	auth := authInterceptor{tls: o.TLS != nil}
	limits := newLimits(auth, o.Registry)
	service := newService(store, o.Version)
	chain := append(interceptor.Standard(o.Log, o.Registry), auth.intercept, service.endIfStopping)
	service.each = chain[1:] // the writes of a WriteEach have its trace
	options := append(tracing.ServerOptions(),
		grpc.UnaryInterceptor(chain.Unary),
		grpc.StreamInterceptor(chain.Stream),
		grpc.InTapHandle(limits.tap),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeader),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.Creds(connectionLimiter{transport, &limits.connections, new(atomic.Bool), o.Log}),
	)
	s := &Server{grpc: grpc.NewServer(options...), health: newHealthService(o), service: service, limits: limits}
	messagestorev1.RegisterMessageStoreServiceServer(s.grpc, s.service)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	return s
}

// Run serves on the listener until the context ends, and closes the listener. It
// then accepts no more calls, ends the subscriptions with UNAVAILABLE, and returns
// nil when the other calls have ended, or after 5 s. The Store MUST run until Run
// returns. A Server runs once.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	var polling sync.WaitGroup
	defer polling.Wait()
	polling.Go(func() { s.health.run(s.service.stopping) })
	defer s.service.stop()

	drained := make(chan struct{})
	cancelDrain := context.AfterFunc(ctx, func() {
		defer close(drained)
		s.drain()
	})
	err := s.grpc.Serve(listener)
	if cancelDrain() {
		s.grpc.Stop()
		return fmt.Errorf("serve gRPC on %s: %w", listener.Addr(), err)
	}
	<-drained
	return nil
}

func (s *Server) drain() {
	s.health.Shutdown()
	s.service.stop()
	timer := time.AfterFunc(drainTimeout, s.grpc.Stop)
	defer timer.Stop()
	s.grpc.GracefulStop()
}

var errStopping = &messagestore.UnavailableError{Reason: "the server is stopping"}

// endIfStopping ends subscriptions and watches of the health when the server stops:
// it would otherwise wait for them.
func (s *service) endIfStopping(ctx context.Context, m interceptor.Method, next func(context.Context) error) error {
	if m.Name != messagestorev1.MessageStoreService_Subscribe_FullMethodName && m.Name != healthv1.Health_Watch_FullMethodName {
		return next(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.stopping, func() { cancel(errStopping) })()
	err := next(ctx)
	if errors.Is(context.Cause(ctx), errStopping) {
		return errStopping
	}
	return err
}
