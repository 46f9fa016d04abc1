package interceptor

import (
	"context"
	"strings"
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

// intercept counts and times the call. gRPC calls interceptors only for registered
// methods, so callers cannot create labels.
func (m *metrics) intercept(ctx context.Context, method Method, next func(context.Context) error) error {
	service, name, _ := strings.Cut(strings.TrimPrefix(method.Name, "/"), "/")
	m.started.WithLabelValues(method.Kind, service, name).Inc()
	err := next(ctx)
	if method.Kind == "unary" {
		m.seconds.WithLabelValues(method.Kind, service, name).Observe(time.Since(method.Start).Seconds())
	}
	m.handled.WithLabelValues(method.Kind, service, name, code(err).String()).Inc()
	return err
}
