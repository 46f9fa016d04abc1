package rpc

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// readyPoll is how often the server asks ServerOptions.Ready. Within
	// this time clients switch to another server, well within the 10 s of a call.
	readyPoll = time.Second
	// startPoll is how often it asks until the first success, so that clients find
	// a new server soon.
	startPoll = 50 * time.Millisecond
	// readyTimeout bounds the answer. No answer means not ready.
	readyTimeout = 2 * time.Second
)

// A healthService answers gRPC's health checks, both of the whole server ("") and
// of the message store's service, from ServerOptions.Ready.
type healthService struct {
	*health.Server
	ready   func(context.Context) error // nil: always ready
	log     *slog.Logger
	gauge   prometheus.Gauge
	serving bool
}

func isHealth(method string) bool {
	return strings.HasPrefix(method, "/"+healthv1.Health_ServiceDesc.ServiceName+"/")
}

// newHealthService returns a healthService that is NOT_SERVING until Ready succeeds.
func newHealthService(o ServerOptions) *healthService {
	h := &healthService{Server: health.NewServer(), ready: o.Ready, log: o.Log}
	h.gauge = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "messagestore_serving",
		Help: "1 while the health of the server is SERVING, else 0.",
	})
	o.Registry.MustRegister(h.gauge)
	h.set(h.ready == nil)
	return h
}

// run polls Ready until the context ends.
func (h *healthService) run(ctx context.Context) {
	if h.ready == nil {
		return
	}
	ticker := time.NewTicker(startPoll)
	defer ticker.Stop()
	for {
		if h.poll(ctx); h.serving {
			ticker.Reset(readyPoll)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *healthService) poll(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := h.ready(bounded)
	switch {
	case ctx.Err() != nil: // the server stops; Server.drain sets the health
	case err == nil && !h.serving:
		h.log.Info("health: serving")
		h.set(true)
	case err != nil && h.serving:
		h.log.Warn("health: not serving", "error", err)
		h.set(false)
	}
}

func (h *healthService) set(serving bool) {
	h.serving = serving
	status, gauge := healthv1.HealthCheckResponse_NOT_SERVING, 0.0
	if serving {
		status, gauge = healthv1.HealthCheckResponse_SERVING, 1
	}
	h.SetServingStatus("", status)
	h.SetServingStatus(messagestorev1.MessageStoreService_ServiceDesc.ServiceName, status)
	h.gauge.Set(gauge)
}
