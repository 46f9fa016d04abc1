package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
	"videotutorials/messagestore/rpc"
)

// serve is the command that serves the store, and its settings.
type serve struct {
	Port     int    `name:"port" env:"VT_PORT" default:"8080" help:"gRPC is on this port + 10, /metrics, /healthz and /readyz on + 11"`
	Database string `name:"database-url" env:"VT_DATABASE_URL" help:"URL of the database message_store, required"`
	Certs    string `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, messagestore.crt and messagestore.key, required unless insecure"`
	Policy   string `name:"policy" env:"VT_POLICY" help:"JSON file with the owners and readers of categories and the operators; default: no owners, and every principal reads"`
	Insecure bool   `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS: every caller is anonymous"`

	// store is nil until it is open.
	store atomic.Pointer[postgres.Store]
}

// run serves until the context ends. /metrics, /healthz and /readyz are served at
// once, calls when the store is open.
func (s *serve) run(ctx context.Context, log *slog.Logger, args []string) error {
	if len(args) > 0 {
		return &service.UsageError{Reason: "serve takes no arguments"}
	}
	if s.Database == "" {
		return &service.UsageError{Reason: "VT_DATABASE_URL is required"}
	}
	config, err := s.tls()
	if err != nil {
		return err
	}
	registry := service.NewRegistry()
	options, policy, err := s.options(log, registry)
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return service.ListenAndServe(ctx, service.Addr(s.Port, service.MessageStoreOpsPort), service.Operations(registry, s.ready))
	})
	group.Go(func() error { return policy.run(ctx) })
	group.Go(func() error {
		store, err := open(ctx, s.Database, options)
		if err != nil {
			return err
		}
		s.store.Store(store)
		server := rpc.NewServer(store, rpc.ServerOptions{
			TLS: config, Log: log, Registry: registry, Version: service.Version(), Ready: store.Ready,
		})
		return s.serveStore(ctx, log, store, server)
	})
	return group.Wait()
}

// serveStore runs the store and its server. The store ends after the server, whose
// calls in progress need it.
func (s *serve) serveStore(ctx context.Context, log *slog.Logger, store *postgres.Store, server *rpc.Server) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", service.Addr(s.Port, service.MessageStorePort))
	if err != nil {
		return err
	}
	log.Info("serving", "grpc", listener.Addr(), "version", service.Version())

	drained, done := context.WithCancel(context.WithoutCancel(ctx))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return store.Run(drained) })
	group.Go(func() error {
		defer done()
		return server.Run(ctx, listener)
	})
	return group.Wait()
}

// options returns the options of the store, and the policy. Without TLS all callers
// are anonymous, and ownership is off.
func (s *serve) options(log *slog.Logger, registry *prometheus.Registry) (postgres.Options, *policyFile, error) {
	o := postgres.Options{Log: log, Registry: registry}
	policy, err := openPolicy(s.Policy, log)
	if err != nil || s.Insecure {
		return o, policy, err
	}
	o.Policy = policy.now
	self, err := certificate.Principal(s.Certs, "messagestore")
	o.Self = messagestore.Principal(self)
	return o, policy, err
}

// tls returns nil for a server without TLS.
func (s *serve) tls() (*tls.Config, error) {
	switch {
	case s.Insecure:
		return nil, nil
	case s.Certs == "":
		return nil, &service.UsageError{Reason: "VT_CERTS is required, or VT_INSECURE=true"}
	}
	return certificate.Server(s.Certs, "messagestore")
}

func (s *serve) ready(ctx context.Context) error {
	store := s.store.Load()
	if store == nil {
		return errors.New("Postgres has not answered yet") //nolint:staticcheck // a name
	}
	return store.Ready(ctx)
}

// open opens the store, and retries while Postgres is unavailable. It returns other
// errors, such as an invalid URL, at once.
func open(ctx context.Context, url string, o postgres.Options) (*postgres.Store, error) {
	attempt := func() (*postgres.Store, error) {
		store, err := postgres.Open(ctx, url, o)
		var unavailable *messagestore.UnavailableError
		if err != nil && !errors.As(err, &unavailable) {
			return nil, backoff.Permanent(err)
		}
		return store, err
	}
	failed := func(err error, pause time.Duration) {
		o.Log.Warn("open the store", "error", err, "pause", pause)
	}
	b := &backoff.ExponentialBackOff{InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 5 * time.Second}
	return backoff.Retry(ctx, attempt, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0), backoff.WithNotify(failed))
}
