package interceptor

import (
	"context"
	"strings"
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

// around counts the call. Only methods that the server has come here, so callers
// cannot make up labels.
func (m *metrics) around(ctx context.Context, method Method, next func(context.Context) error) error {
	service, name, _ := strings.Cut(strings.TrimPrefix(method.Name, "/"), "/")
	m.started.WithLabelValues(method.Kind, service, name).Inc()
	start := time.Now()
	err := next(ctx)
	if method.Kind == "unary" {
		m.seconds.WithLabelValues(method.Kind, service, name).Observe(time.Since(start).Seconds())
	}
	m.handled.WithLabelValues(method.Kind, service, name, code(err).String()).Inc()
	return err
}
