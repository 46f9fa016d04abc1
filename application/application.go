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
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"videotutorials/application/call"
	"videotutorials/application/rest"
	"videotutorials/application/session"
	"videotutorials/application/video"
	"videotutorials/internal/interceptor"
	"videotutorials/internal/media"
	"videotutorials/internal/service"
	"videotutorials/internal/token"
	"videotutorials/internal/tracing"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// drainTimeout bounds the shutdown. All accepted calls end within call.Timeout;
// clients that are too slow to send or to receive are cut off.
const drainTimeout = call.Timeout + 2*time.Second

// Config is the configuration of an Application. Fields without a default are
// required, except REST and GRPC.
type Config struct {
	// Store is the message store to write to.
	Store messagestore.Store
	// ViewData is read with the role view_reader.
	ViewData *pgxpool.Pool
	Log      *slog.Logger
	// Secret signs sessions, and has signed the links in mails. A new secret
	// invalidates all of them.
	Secret token.Secret
	// Registry gets the metrics of the calls, and is served at /metrics.
	Registry *prometheus.Registry
	// Version is the version in /openapi.json.
	Version string
	// Media is the folder of uploads and published videos.
	Media *media.Folder
	// MaxUpload bounds an upload, in bytes. Defaults to video.DefaultMaxUpload.
	MaxUpload int64
	// AllowPrivateSources permits sources of videos at addresses that are not public,
	// such as those of this machine.
	AllowPrivateSources bool
	// REST and GRPC are the TLS settings of the two ports. Nil is plain text.
	REST, GRPC *tls.Config

	// passwordCost is the cost of bcrypt. Defaults to session.PasswordCost; tests,
	// which hash hundreds of passwords, have a lower one.
	passwordCost int
	// uploads defaults to the limits for MaxUpload. Tests have limits that they can
	// reach.
	uploads video.Limits
}

// An Application serves the API. Make it with New.
type Application struct {
	config Config
	health *health.Server
	grpc   *grpc.Server
	http   *http.Server
	videos *video.Server
	// listener wakes the calls that wait for operations, until stopping is closed.
	listener *viewdata.Listener
	waits    waits
	stopping chan struct{}
}

// New returns an Application that is ready to Run. The store and View Data need not
// be available yet.
func New(c Config) (*Application, error) {
	c.uploads = cmp.Or(c.uploads, video.NewLimits(cmp.Or(c.MaxUpload, video.DefaultMaxUpload)))
	a := &Application{
		config: c, health: health.NewServer(),
		listener: viewdata.NewListener(c.ViewData, c.Log), stopping: make(chan struct{}),
	}
	a.waits = newWaits(a.listener, a.stopping)
	routes, cookies := call.NewRoutes(), session.Cookies{Secure: c.REST != nil}
	authorizer := session.Authorizer{Tokens: session.Tokens{Secret: c.Secret}, ViewData: c.ViewData}
	services, err := a.newGRPC(routes, authorizer)
	if err != nil {
		return nil, err
	}
	gateway, err := rest.NewGateway(routes, cookies, services)
	if err != nil {
		return nil, err
	}
	document, err := rest.OpenAPI(c.Version)
	if err != nil {
		return nil, err
	}
	a.videos = video.New(video.Config{
		Authorizer: authorizer, Cookies: cookies, Media: c.Media, ViewData: c.ViewData, Limits: c.uploads, Log: c.Log, Registry: c.Registry,
	})
	a.http = &http.Server{
		Handler:   rest.NewHandler(gateway, a.endpoints(document)),
		TLSConfig: c.REST,
		ErrorLog:  slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		// Clients that send or receive one byte at a time are cut off.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// `OPTIONS *` has an answer with a trace id too.
		DisableGeneralOptionsHandler: true,
	}
	return a, nil
}

// newGRPC makes the gRPC server, and returns the same services for calls of the
// gateway.
func (a *Application) newGRPC(routes call.Routes, authorizer session.Authorizer) (grpc.ClientConnInterface, error) {
	c := a.config
	passwords, err := session.NewPasswords(cmp.Or(c.passwordCost, session.PasswordCost))
	if err != nil {
		return nil, err
	}
	standard := interceptor.Standard(c.Log, c.Registry)
	around := interceptors(routes, authorizer, standard)
	a.grpc = grpc.NewServer(append(tracing.ServerOptions(), grpc.ChainUnaryInterceptor(around...),
		grpc.StreamInterceptor(standard.Stream), grpc.MaxRecvMsgSize(rest.MaxBody))...)
	local := rest.NewLocal(interceptor.ChainUnary(around...))
	authenticator := session.NewAuthenticator(c.Store, c.ViewData, passwords)
	for _, r := range []grpc.ServiceRegistrar{a.grpc, local} {
		applicationv1.RegisterHomeServiceServer(r, home{viewData: c.ViewData})
		applicationv1.RegisterViewingsServiceServer(r, viewings{store: c.Store})
		applicationv1.RegisterUsersServiceServer(r, users{store: c.Store, viewData: c.ViewData, passwords: passwords, secret: c.Secret, waits: a.waits})
		applicationv1.RegisterSessionsServiceServer(r, sessions{store: c.Store, authenticator: authenticator, tokens: authorizer.Tokens})
		applicationv1.RegisterCreatorsServiceServer(r, creators{
			store: c.Store, viewData: c.ViewData, media: c.Media, allowPrivate: c.AllowPrivateSources,
		})
		applicationv1.RegisterOperationsServiceServer(r, operations{viewData: c.ViewData, waits: a.waits})
		applicationv1.RegisterAdminServiceServer(r, admin{store: c.Store, viewData: c.ViewData})
	}
	healthv1.RegisterHealthServer(a.grpc, a.health)
	reflection.Register(a.grpc)
	return local, nil
}

// endpoints returns the paths of the REST port that are not in the gateway.
func (a *Application) endpoints(document []byte) []rest.Endpoint {
	read := []string{http.MethodGet, http.MethodHead}
	operations := service.Operations(a.config.Registry, a.ready)
	endpoints := []rest.Endpoint{{Template: "/openapi.json", Verbs: read, Serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
	}}}
	for _, path := range []call.Template{"/metrics", "/healthz", "/readyz"} {
		endpoints = append(endpoints, rest.Endpoint{Template: path, Verbs: read, Serve: operations.ServeHTTP})
	}
	return append(endpoints, a.videos.Endpoints()...)
}

// ready returns nil if View Data can be read and the store answers.
func (a *Application) ready(ctx context.Context) error {
	var viewData, store error
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := viewdata.ReadHomePage(ctx, a.config.ViewData); err != nil {
			viewData = fmt.Errorf("view data: %w", err)
		}
	})
	both.Go(func() {
		if _, err := a.config.Store.Status(ctx); err != nil {
			store = fmt.Errorf("message store: %w", err)
		}
	})
	both.Wait()
	return errors.Join(viewData, store)
}

// Run serves REST and gRPC on the two listeners until ctx ends. Then it accepts no
// more calls, finishes the accepted ones, and returns nil. It closes the listeners.
// An Application runs once.
func (a *Application) Run(ctx context.Context, rest, rpc net.Listener) error {
	if a.config.GRPC != nil {
		c := a.config.GRPC.Clone()
		c.NextProtos = []string{"h2"}
		rpc = tls.NewListener(rpc, c)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return served("gRPC", a.grpc.Serve(rpc)) })
	group.Go(func() error {
		if a.http.TLSConfig != nil {
			return served("REST", a.http.ServeTLS(rest, "", ""))
		}
		return served("REST", a.http.Serve(rest))
	})
	group.Go(func() error { return a.listener.Run(ctx) })
	group.Go(func() error { return a.videos.Sweep(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		return a.drain()
	})
	return group.Wait()
}

// served returns the error of a server that ended, nil after a shutdown.
func served(name string, err error) error {
	if err == nil || errors.Is(err, grpc.ErrServerStopped) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", name, err)
}

// drain finishes the accepted calls.
func (a *Application) drain() error {
	a.health.Shutdown()
	close(a.stopping)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		a.config.Log.Warn("some REST clients were cut off", "error", err)
		_ = a.http.Close()
	}
	a.videos.Drain()
	stop := context.AfterFunc(ctx, a.grpc.Stop)
	a.grpc.GracefulStop()
	stop()
	return nil
}
