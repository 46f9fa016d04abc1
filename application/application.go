package application

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"videotutorials/internal/interceptor"
	"videotutorials/internal/media"
	"videotutorials/internal/service"
	"videotutorials/internal/token"
	"videotutorials/internal/tracing"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// drainTimeout bounds the end: all that was taken up is done within callTimeout,
// and what clients are too slow to send or to take is cut off.
const drainTimeout = callTimeout + 2*time.Second

// Config is what an Application needs. All that has no default is required, but
// for the TLS settings.
type Config struct {
	// Store is written to.
	Store messagestore.Store
	// ViewData is read, as view_reader.
	ViewData *pgxpool.Pool
	Log      *slog.Logger
	// Secret signs the sessions, and has signed the links in mails. With another
	// one, all of them are bad.
	Secret token.Secret
	// Registry gets the metrics of the calls, and is what /metrics shows.
	Registry *prometheus.Registry
	// Version is what /openapi.json says.
	Version string
	// Media is the folder of uploads, and of the published videos.
	Media *media.Folder
	// MaxUpload bounds an upload, in bytes. Defaults to DefaultMaxUpload.
	MaxUpload int64
	// AllowPrivateSources lets videos be fetched from addresses that are not
	// public, as this machine's.
	AllowPrivateSources bool
	// REST and GRPC are the TLS of the two ports. Nil: plain text.
	REST, GRPC *tls.Config

	// passwordCost is bcrypt's. Defaults to the constant; tests, which hash by the
	// hundred, have a lower one.
	passwordCost int
	// uploads are the limits of uploads. Defaults to those for MaxUpload; tests,
	// which do not wait for half a minute, have others.
	uploads uploadLimits
}

// An Application serves the API. Make it with New.
type Application struct {
	config Config
	health *health.Server
	grpc   *grpc.Server
	http   *http.Server
	// direct is what does not go through the gateway.
	direct *direct
	// news wakes those of waits, until stopping is closed.
	news     *viewdata.Listener
	waits    waits
	stopping chan struct{}
}

// New returns an Application that is ready to Run. Neither the store nor View
// Data need be there yet.
func New(c Config) (*Application, error) {
	c.MaxUpload = cmp.Or(c.MaxUpload, DefaultMaxUpload)
	c.uploads = cmp.Or(c.uploads, newUploadLimits(c.MaxUpload))
	a := &Application{
		config: c, health: health.NewServer(),
		news: viewdata.NewListener(c.ViewData, c.Log), stopping: make(chan struct{}),
	}
	a.waits = waits{a.news, newSlots(waitsOfEach, waitsOfAll), a.stopping}
	all := newRoutes()
	p, err := newPasswords(cmp.Or(c.passwordCost, passwordCost))
	if err != nil {
		return nil, err
	}
	d, cook := door{all, tokens{c.Secret}, c.ViewData}, cookies{secure: c.REST != nil}
	var services *local
	a.grpc, services = a.newGRPC(d, p)
	a.direct = newDirect(d, cook, c.Log, c.Registry)
	rest, err := newGateway(context.Background(), all, cook, services)
	if err != nil {
		return nil, err
	}
	document, err := openAPI(all, c.Version)
	if err != nil {
		return nil, err
	}
	a.http = &http.Server{
		Handler:   newHandler(rest, a.pages(a.direct, document, service.Operations(c.Registry, a.ready))),
		TLSConfig: c.REST,
		ErrorLog:  slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		// Who sends or takes his bytes one at a time is cut off.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// `OPTIONS *` too is answered with a trace id.
		DisableGeneralOptionsHandler: true,
	}
	return a, nil
}

// newGRPC returns the server of gRPC, and the same services for the gateway.
func (a *Application) newGRPC(d door, p *passwords) (*grpc.Server, *local) {
	standard := interceptor.Standard(a.config.Log, a.config.Registry)
	// identify gives the trace id to all after it.
	around := []grpc.UnaryServerInterceptor{d.identify}
	around = append(around, standard.Unary, guard, d.admit)
	s := grpc.NewServer(append(tracing.ServerOptions(), grpc.ChainUnaryInterceptor(around...),
		grpc.StreamInterceptor(standard.Stream), grpc.MaxRecvMsgSize(maxBody))...)
	gateway := newLocal(interceptor.ChainUnary(around...))
	sessions := newSessions(a.config, p, d.tokens)
	for _, r := range []grpc.ServiceRegistrar{s, gateway} {
		a.register(r, sessions, p)
	}
	healthv1.RegisterHealthServer(s, a.health)
	reflection.Register(s)
	return s, gateway
}

func (a *Application) register(r grpc.ServiceRegistrar, s sessions, p *passwords) {
	c := a.config
	applicationv1.RegisterHomeServiceServer(r, home{viewData: c.ViewData})
	applicationv1.RegisterViewingsServiceServer(r, viewings{store: c.Store})
	applicationv1.RegisterUsersServiceServer(r, registration{store: c.Store, viewData: c.ViewData, passwords: p, secret: c.Secret, waits: a.waits})
	applicationv1.RegisterSessionsServiceServer(r, s)
	applicationv1.RegisterCreatorsServiceServer(r, creators{
		store: c.Store, viewData: c.ViewData, media: c.Media, allowPrivate: c.AllowPrivateSources,
	})
	applicationv1.RegisterOperationsServiceServer(r, operations{viewData: c.ViewData, waits: a.waits})
	applicationv1.RegisterAdminServiceServer(r, admin{store: c.Store, viewData: c.ViewData})
}

// Run serves REST and gRPC on the two listeners until ctx ends. Then it takes no
// more calls, finishes those that it has taken up, and returns nil. It closes
// the listeners. An Application runs once.
func (a *Application) Run(ctx context.Context, rest, rpc net.Listener) error {
	if a.config.GRPC != nil {
		c := a.config.GRPC.Clone()
		c.NextProtos = []string{"h2"}
		rpc = tls.NewListener(rpc, c)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.serveGRPC(rpc) })
	group.Go(func() error { return a.serveHTTP(rest) })
	group.Go(func() error { return a.news.Run(ctx) })
	group.Go(func() error { return a.sweep(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		return a.drain()
	})
	return group.Wait()
}

func (a *Application) serveGRPC(rpc net.Listener) error {
	err := a.grpc.Serve(rpc)
	if err == nil || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return fmt.Errorf("serve gRPC: %w", err)
}

func (a *Application) serveHTTP(rest net.Listener) error {
	var err error
	if a.http.TLSConfig != nil {
		err = a.http.ServeTLS(rest, "", "")
	} else {
		err = a.http.Serve(rest)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve REST: %w", err)
}

// drain ends what was taken up.
func (a *Application) drain() error {
	a.health.Shutdown()
	close(a.stopping)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		a.config.Log.Warn("some REST clients were cut off", "err", err)
		_ = a.http.Close()
	}
	a.direct.drain()
	cut := context.AfterFunc(ctx, a.grpc.Stop)
	a.grpc.GracefulStop()
	cut()
	return nil
}
