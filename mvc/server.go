package mvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"videotutorials/internal/database"
)

// drainTimeout bounds the end: all that was taken up is done within callTimeout,
// and what clients are too slow to send or to take is cut off.
const drainTimeout = callTimeout + 2*time.Second

// Config is what a Server needs. All of it is required.
type Config struct {
	// DB is a pool from Open.
	DB *pgxpool.Pool
	// Videos is how many videos are there from the start, see CheckVideos and
	// VideoID; of the first three, 0, 1 and 2 viewings are counted.
	Videos int
	Log    *slog.Logger
	// Registry gets the metrics of the calls, and is what /metrics shows.
	Registry *prometheus.Registry
}

// A Server serves the classical version. Make it with New.
type Server struct {
	config Config
	http   *http.Server
	// migrated is set once the table and its first videos are there.
	migrated atomic.Bool
}

// New returns a Server that is ready to Run.
func New(c Config) *Server {
	s := &Server{config: c}
	s.http = &http.Server{
		Handler:  s.routes(),
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		// Who sends or takes his bytes one at a time is cut off.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// `OPTIONS *` too is answered with a trace id.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Run serves on the listener until ctx ends. Then it takes no more requests,
// finishes those that it has taken up, and returns nil. It brings the database up
// to date, which may come after it, and closes the listener. A Server runs once.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve REST: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		say := func(err error, pause time.Duration) {
			s.config.Log.WarnContext(ctx, "the database is not there, trying again", "error", err, "pause", pause)
		}
		s.migrated.Store(database.MigrateRetrying(ctx, say, func(ctx context.Context) error {
			return migrate(ctx, s.config.DB, s.config.Videos)
		}))
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return s.drain()
	})
	return group.Wait()
}

func (s *Server) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Log.Warn("some clients were cut off")
		return s.http.Close()
	}
	return err
}

var errNotMigrated = errors.New("the database is not up to date yet")

// ready returns nil if the database answers and is up to date, else what is not
// so.
func (s *Server) ready(ctx context.Context) error {
	if !s.migrated.Load() {
		return errNotMigrated
	}
	_, _, err := watched(ctx, s.config.DB, 0, 1)
	return err
}
