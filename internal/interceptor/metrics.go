package interceptor

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the call metrics, named and labelled as by go-grpc-middleware, so
// that common dashboards work.
type metrics struct {
	started *prometheus.CounterVec
	handled *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	methods sync.Map // Method → *series
}

// series are the metrics of one method. They are cached because a lookup by labels
// takes longer than counting.
type series struct {
	started prometheus.Counter
	seconds prometheus.Observer    // nil for streams
	handled *prometheus.CounterVec // by code
}

func newMetrics(registry *prometheus.Registry) *metrics {
	labels := []string{"grpc_type", "grpc_service", "grpc_method"}
	factory := promauto.With(registry)
	return &metrics{
		started: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_started_total",
			Help: "Calls that started.",
		}, labels),
		handled: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_handled_total",
			Help: "Calls that ended, by code. Started minus handled are in progress.",
		}, append(labels[:3:3], "grpc_code")),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grpc_server_handling_seconds",
			Help: "Duration of unary calls.",
			// From a commit, about 1 ms, to a usual deadline, 10 s.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, labels),
	}
}

// of returns the series of a method. gRPC calls interceptors only for registered
// methods, so callers cannot create labels.
func (m *metrics) of(method Method) *series {
	if s, ok := m.methods.Load(method); ok {
		return s.(*series)
	}
	service, name, _ := strings.Cut(strings.TrimPrefix(method.Name, "/"), "/")
	labels := prometheus.Labels{"grpc_type": method.Kind, "grpc_service": service, "grpc_method": name}
	s := &series{started: m.started.With(labels), handled: m.handled.MustCurryWith(labels)}
	if method.Kind == "unary" {
		s.seconds = m.seconds.With(labels)
	}
	m.methods.Store(method, s)
	return s
}

func (m *metrics) intercept(ctx context.Context, method Method, next func(context.Context) error) error {
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
