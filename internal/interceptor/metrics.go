package interceptor

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics have the names and labels of go-grpc-middleware, which the usual
// dashboards know.
type metrics struct {
	started *prometheus.CounterVec
	handled *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	known   sync.Map // of each Method that was called, its *series
}

// series are a method's, with its labels: to look them up takes longer than to
// count.
type series struct {
	started prometheus.Counter
	seconds prometheus.Observer
	handled *prometheus.CounterVec // by code
}

func newMetrics(registry *prometheus.Registry) *metrics {
	labels := []string{"grpc_type", "grpc_service", "grpc_method"}
	factory := promauto.With(registry)
	return &metrics{
		started: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_started_total",
			Help: "Calls begun.",
		}, labels),
		handled: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_handled_total",
			Help: "Calls ended, by code. Started less handled are under way.",
		}, append(labels[:3:3], "grpc_code")),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grpc_server_handling_seconds",
			Help: "How long unary calls took.",
			// A commit takes about 1 ms, a deadline is about 10 s.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, labels),
	}
}

// of returns the series of a method. Only methods that the server has come here,
// so callers cannot make up labels.
func (m *metrics) of(method Method) *series {
	if s, ok := m.known.Load(method); ok {
		return s.(*series)
	}
	service, name, _ := strings.Cut(strings.TrimPrefix(method.Name, "/"), "/")
	labels := prometheus.Labels{"grpc_type": method.Kind, "grpc_service": service, "grpc_method": name}
	s := &series{started: m.started.With(labels), handled: m.handled.MustCurryWith(labels)}
	if method.Kind == "unary" {
		s.seconds = m.seconds.With(labels)
	}
	m.known.Store(method, s)
	return s
}

// around counts the call.
func (m *metrics) around(ctx context.Context, method Method, next func(context.Context) error) error {
	s := m.of(method)
	s.started.Inc()
	start := startOf(ctx)
	err := next(ctx)
	if s.seconds != nil {
		s.seconds.Observe(time.Since(start).Seconds())
	}
	s.handled.WithLabelValues(code(err).String()).Inc()
	return err
}
