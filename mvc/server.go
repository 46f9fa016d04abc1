// Package mvc is the classical version of Video Tutorials, for comparison with the
// system of messages: one table, and a viewing is an update that adds 1 to the counter
// of a video. The two share only two REST paths.
//
//	REST ──▶ mvc ── update videos set view_count = view_count + 1 ──▶ videos
//
// GET /v1/home returns the sum of the counters and the videos. POST
// /v1/videos/{video_id}/viewings counts a viewing.
//
// An acknowledged viewing is on disk, concurrent viewings are all counted, and a read
// after the answer includes the viewing.
//
// The comparison is about the rest: a viewing of a video without a row is rejected,
// since there is no counter. The header Idempotency-Key is ignored, so that a request
// that is repeated after a lost answer counts twice. Neither viewers nor times are
// recorded.
package mvc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"videotutorials/internal/database"
	"videotutorials/internal/service"
)

const (
	traceHeader = "X-Trace-Id"
	// maxBody bounds the body of a request.
	maxBody = 1 << 20
	// callTimeout bounds a call. It is short enough to wait for.
	callTimeout = 10 * time.Second
	// drainTimeout bounds the end of the server: accepted calls take at most
	// callTimeout, and slow clients are cut off.
	drainTimeout = callTimeout + 2*time.Second
)

// Config configures a Server. All fields are required.
type Config struct {
	// DB is a pool from Open.
	DB *pgxpool.Pool
	// Videos is the number of initial videos, see CheckVideos and VideoID. The first
	// three start with 0, 1 and 2 viewings.
	Videos int
	Log    *slog.Logger
	// Registry receives the metrics of the calls, and is served at /metrics.
	Registry *prometheus.Registry
}

// A Server serves the classical version. Use New to create one.
type Server struct {
	config   Config
	http     *http.Server
	migrated atomic.Bool // the table and the initial videos exist
}

// New returns a Server.
func New(c Config) *Server {
	s := &Server{config: c}
	s.http = &http.Server{
		Handler:  s.routes(),
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		// Slow clients are cut off.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// The answer to `OPTIONS *` has a trace id, too.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Run serves on the listener until the context ends, then finishes the accepted
// requests and returns nil. It migrates the database, retrying while Postgres is away,
// and closes the listener. Run must be called at most once.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve REST: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		notify := func(err error, pause time.Duration) {
			s.config.Log.WarnContext(ctx, "migrate the database, retrying", "error", err, "pause", pause)
		}
		s.migrated.Store(database.MigrateRetrying(ctx, notify, func(ctx context.Context) error {
			return migrate(ctx, s.config.DB, s.config.Videos)
		}))
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err := s.http.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			s.config.Log.Warn("cut off slow clients")
			return s.http.Close()
		}
		return err
	})
	return group.Wait()
}

// ready returns an error unless the database is migrated and answers.
func (s *Server) ready(ctx context.Context) error {
	if !s.migrated.Load() {
		return errors.New("the database is not migrated yet")
	}
	_, _, err := watched(ctx, s.config.DB, 0, 1)
	return err
}

// routes returns the handler of all paths. Every answer has a new trace id; that of a
// request is ignored.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(method, path string, handler http.Handler) {
		mux.Handle(method+" "+path, handler)
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", method)
			writeError(w, &apiError{status: http.StatusMethodNotAllowed, Code: codes.Unimplemented,
				Message: fmt.Sprintf("%s has no %s, only %s", quote(r.URL.Path), quote(r.Method), method)})
		})
	}
	operations := service.Operations(s.config.Registry, s.ready)
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		handle(http.MethodGet, path, operations)
	}
	factory := promauto.With(s.config.Registry)
	requests := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "mvc_requests_total", Help: "Requests answered, by HTTP status.",
	}, []string{"path", "code"})
	seconds := factory.NewHistogramVec(prometheus.HistogramOpts{
		Name: "mvc_request_seconds", Help: "Seconds from the request to the answer.",
		// A commit takes about 1 ms, a call at most 10 s.
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"path"})
	for _, r := range []struct {
		method, path string
		success      int
		call         call
	}{
		{http.MethodGet, "/v1/home", http.StatusOK, s.home},
		{http.MethodPost, "/v1/videos/{video_id}/viewings", http.StatusAccepted, s.recordViewing},
	} {
		label := prometheus.Labels{"path": r.path}
		handle(r.method, r.path, promhttp.InstrumentHandlerCounter(requests.MustCurryWith(label),
			promhttp.InstrumentHandlerDuration(seconds.MustCurryWith(label), s.serve(r.success, r.call))))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &apiError{status: http.StatusNotFound, Code: codes.NotFound, Message: "no such path: " + quote(r.URL.Path)})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(traceHeader, uuid.NewString())
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// A call returns the answer to a request, which is written as JSON.
type call func(ctx context.Context, r *http.Request, traceID string) (any, error)

// serve returns the handler of a call.
func (s *Server) serve(success int, do call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		traceID := w.Header().Get(traceHeader)
		answer, err := do(ctx, r, traceID)
		if err == nil {
			writeJSON(w, success, answer)
			return
		}
		e := toAPIError(err)
		level := slog.LevelDebug // the caller's error
		switch e.status {
		case http.StatusInternalServerError:
			level = slog.LevelError
		case http.StatusServiceUnavailable:
			level = slog.LevelWarn
		}
		s.config.Log.Log(ctx, level, "call", "path", r.URL.Path, "status", e.status, "traceId", traceID, "error", err)
		writeError(w, e)
	})
}

func writeError(w http.ResponseWriter, e *apiError) { writeJSON(w, e.status, e) }

func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // answers are structs of texts and numbers
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails if the client is gone
}
