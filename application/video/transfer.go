// Package video transfers the files of videos over HTTP: uploads into the media
// folder, and published videos and posters out of it.
//
// Their bodies are streamed, so they are not gRPC calls. They pass the same
// authorizer, and have trace ids, idempotency keys, errors, metrics and lines in
// the log as gRPC calls do.
package video

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/application/rest"
	"videotutorials/application/session"
	"videotutorials/internal/interceptor"
	"videotutorials/internal/limit"
	"videotutorials/internal/media"
	"videotutorials/messagestore/contract"
)

// Config is the configuration of a Server. All fields are required.
type Config struct {
	Authorizer session.Authorizer
	Cookies    session.Cookies
	Media      *media.Folder
	ViewData   *pgxpool.Pool
	Limits     Limits
	Log        *slog.Logger
	Registry   *prometheus.Registry
}

// A Server serves uploads and published videos.
type Server struct {
	Config
	uploads *limit.Semaphore

	handled *prometheus.CounterVec
	active  *prometheus.GaugeVec
	bytes   *prometheus.CounterVec
	// running is held, for reading, by every call.
	running sync.RWMutex
}

// New returns a Server, whose metrics it registers.
func New(c Config) *Server {
	factory := promauto.With(c.Registry)
	return &Server{
		Config:  c,
		uploads: &limit.Semaphore{Total: c.Limits.Concurrent, PerKey: c.Limits.UserConcurrent},
		handled: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_handled_total", Help: "Calls of files ended, by code.",
		}, []string{"path", "code"}),
		active: factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "http_server_active", Help: "Calls of files under way.",
		}, []string{"path"}),
		bytes: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_bytes_total", Help: "Bytes of files, in and out.",
		}, []string{"path", "direction"}),
	}
}

// Endpoints returns the paths of the server.
func (s *Server) Endpoints() []rest.Endpoint {
	read := []string{http.MethodGet, http.MethodHead}
	endpoints := []rest.Endpoint{
		{Template: "/v1/me/uploads", Verbs: []string{http.MethodPost}, MaxBody: s.Limits.Bytes},
		{Template: "/media/{video_id}", Verbs: read},
		{Template: "/media/{video_id}/poster", Verbs: read},
	}
	endpoints[0].Serve = s.handle(endpoints[0].Template, call.Users, s.upload)
	endpoints[1].Serve = s.handle(endpoints[1].Template, call.Anyone, s.video)
	endpoints[2].Serve = s.handle(endpoints[2].Template, call.Anyone, s.poster)
	return endpoints
}

// Drain waits until no call runs. The HTTP server MUST have been shut down.
func (s *Server) Drain() {
	s.running.Lock()
	s.running.Unlock() //nolint:staticcheck // all readers have unlocked it
}

// A transfer serves one call, whose Request is in the context. It answers or returns
// an error, not both.
type transfer func(w *response, r *http.Request) error

func (s *Server) handle(template call.Template, need call.Access, do transfer) http.HandlerFunc {
	path := string(template)
	return func(w http.ResponseWriter, r *http.Request) {
		s.running.RLock()
		defer s.running.RUnlock()
		s.active.WithLabelValues(path).Inc()
		defer s.active.WithLabelValues(path).Dec()
		start := time.Now()
		req := s.request(r, need)
		w.Header().Set(call.TraceHeader, req.TraceID)
		body := &countingBody{ReadCloser: r.Body}
		ctx := call.With(r.Context(), req)
		r = r.WithContext(ctx)
		r.Body = body
		answer := &response{ResponseWriter: w, control: http.NewResponseController(w)}

		err := call.Translate(req, recoverPanic(func() error {
			if req.Invalid != nil {
				return req.Invalid
			}
			check := func(ctx context.Context) error { return s.Authorizer.Check(ctx, req, need) }
			if err := call.Bounded(ctx, call.Timeout, check); err != nil {
				return err
			}
			return do(answer, r)
		}))
		if err != nil {
			s.reject(answer, r, err)
		}
		code := status.Code(err).String()
		s.bytes.WithLabelValues(path, "in").Add(float64(body.n))
		s.bytes.WithLabelValues(path, "out").Add(float64(answer.bytes))
		s.handled.WithLabelValues(path, code).Inc()
		attrs := []slog.Attr{
			slog.String("method", r.Method+" "+path), slog.String("code", code), slog.Int("status", answer.status),
			slog.Int64("bytesIn", body.n), slog.Int64("bytesOut", answer.bytes), slog.Duration("duration", time.Since(start)),
			slog.String("traceId", req.TraceID),
		}
		if req.Session != nil {
			attrs = append(attrs, slog.String("userId", req.Caller()))
		}
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
		}
		s.Log.LogAttrs(ctx, interceptor.Level(status.Code(err)), "call", attrs...)
	}
}

// request returns the request of the call, with UUIDs in the path in lower case.
func (s *Server) request(r *http.Request, need call.Access) *call.Request {
	path := r.URL.Path
	for segment := range strings.SplitSeq(path, "/") {
		if id, ok := contract.ParseUUID(segment); ok {
			path = strings.ReplaceAll(path, segment, id.String())
		}
	}
	return s.Authorizer.NewRequest(r.Context(), r.Method, func() string { return path }, need, rest.Forward(r).Get)
}

func recoverPanic(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// reject answers with the error, unless an answer was begun.
func (s *Server) reject(w *response, r *http.Request, err error) {
	if w.status != 0 {
		return
	}
	rejected := status.Convert(err)
	code := runtime.HTTPStatusFromCode(rejected.Code())
	var own *httpError
	if errors.As(err, &own) {
		code = own.code
	}
	if code == http.StatusUnauthorized {
		s.Cookies.Drop(w, r)
	}
	rest.WriteError(w, code, rejected)
}

// An httpError is an error with another HTTP status than that of its code.
type httpError struct {
	code int
	err  error
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

// A countingBody counts the bytes of a request's body.
type countingBody struct {
	io.ReadCloser
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}
