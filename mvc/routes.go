package mvc

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/internal/service"
)

const (
	traceHeader = "X-Trace-Id"
	// maxBody bounds the body of a request.
	maxBody = 1 << 20
	// callTimeout bounds a call: short enough for somebody to wait for.
	callTimeout = 10 * time.Second
)

// routes returns all that is on the port. Every answer has a trace id, which is
// made here: an incoming one is ignored.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	operations := service.Operations(s.config.Registry, s.ready)
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		mux.Handle("GET "+path, operations)
		mux.Handle(path, only(http.MethodGet))
	}
	metrics := newMetrics(s.config.Registry)
	for _, r := range []struct {
		method, path string
		success      int
		call         call
	}{
		{http.MethodGet, "/v1/home", http.StatusOK, s.home},
		{http.MethodPost, "/v1/videos/{video_id}/viewings", http.StatusAccepted, s.recordViewing},
	} {
		mux.Handle(r.method+" "+r.path, metrics.around(r.path, s.serve(r.success, r.call)))
		mux.Handle(r.path, only(r.method))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, status.Newf(codes.NotFound, "no such path: %s", quote(r.URL.Path)))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(traceHeader, uuid.NewString())
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// only answers the other methods of a path.
func only(method string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", method)
		writeError(w, http.StatusMethodNotAllowed,
			status.Newf(codes.Unimplemented, "%s has no %s, only %s", quote(r.URL.Path), quote(r.Method), method))
	})
}

// A call answers a request with what is written as JSON.
type call func(ctx context.Context, r *http.Request, traceID string) (any, error)

// serve returns the handler of a call, in bounded time.
func (s *Server) serve(success int, do call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		traceID := w.Header().Get(traceHeader)
		answer, err := do(ctx, r, traceID)
		var body []byte
		if err == nil {
			body, err = json.Marshal(answer)
		}
		if err == nil {
			writeJSON(w, success, body)
			return
		}
		code, said := statusOf(err)
		s.config.Log.LogAttrs(ctx, level(code), "call", slog.String("path", r.URL.Path), slog.Int("status", code),
			slog.String("traceId", traceID), slog.String("error", err.Error()))
		writeError(w, code, said)
	})
}

// level is by whose business the outcome is: what a caller did and was told is
// for debugging.
func level(code int) slog.Level {
	switch code {
	case http.StatusInternalServerError:
		return slog.LevelError
	case http.StatusServiceUnavailable:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(registry *prometheus.Registry) metrics {
	factory := promauto.With(registry)
	return metrics{
		factory.NewCounterVec(prometheus.CounterOpts{
			Name: "mvc_requests_total",
			Help: "Requests answered, by HTTP status.",
		}, []string{"path", "code"}),
		factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mvc_request_seconds",
			Help: "How long requests took.",
			// A commit takes about 1 ms, a call at most 10 s.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"path"}),
	}
}

func (m metrics) around(path string, next http.Handler) http.Handler {
	label := prometheus.Labels{"path": path}
	return promhttp.InstrumentHandlerCounter(m.requests.MustCurryWith(label),
		promhttp.InstrumentHandlerDuration(m.seconds.MustCurryWith(label), next))
}
