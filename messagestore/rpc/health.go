package rpc

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// lookEvery is how often the Store is asked whether it is ready: clients
	// leave a server that is not for another one, and have 10 s for a call.
	lookEvery = time.Second
	// lookFirst is how often it is until it is ready for the first time: nobody
	// should wait for a server that has just started longer than that takes.
	lookFirst = 50 * time.Millisecond
	// lookWithin bounds the answer. A Store that does not say is not ready.
	lookWithin = 2 * time.Second
)

// A healthService answers gRPC's health checks, of the whole server ("") and of
// the message store's service alike, with what the Store says of itself.
type healthService struct {
	*health.Server
	ready    func(context.Context) error // nil: always
	log      *slog.Logger
	serving  prometheus.Gauge
	stopping context.Context // ends when the server stops
	last     healthv1.HealthCheckResponse_ServingStatus
}

func isHealth(method string) bool {
	return strings.HasPrefix(method, "/"+healthv1.Health_ServiceDesc.ServiceName+"/")
}

// newHealthService returns one that says NOT_SERVING until the Store has been
// asked, where there is somebody to ask.
func newHealthService(stopping context.Context, o ServerOptions) *healthService {
	h := &healthService{Server: health.NewServer(), ready: o.Ready, log: o.Log, stopping: stopping}
	h.serving = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "messagestore_serving",
		Help: "1 while the health of the server is SERVING, else 0.",
	})
	o.Registry.MustRegister(h.serving)
	if h.ready == nil {
		h.set(healthv1.HealthCheckResponse_SERVING)
	} else {
		h.set(healthv1.HealthCheckResponse_NOT_SERVING)
	}
	return h
}

// run asks the Store, often until it is ready and then each second, until the
// context ends.
func (h *healthService) run(ctx context.Context) {
	if h.ready == nil {
		return
	}
	ticker := time.NewTicker(lookFirst)
	defer ticker.Stop()
	for {
		if h.look(ctx); h.last == healthv1.HealthCheckResponse_SERVING {
			ticker.Reset(lookEvery)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *healthService) look(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	err := h.ready(bounded)
	switch {
	case ctx.Err() != nil: // the server's end, of which stop tells
	case err == nil && h.last != healthv1.HealthCheckResponse_SERVING:
		h.log.Info("health: serving")
		h.set(healthv1.HealthCheckResponse_SERVING)
	case err != nil && h.last != healthv1.HealthCheckResponse_NOT_SERVING:
		h.log.Warn("health: not serving", "err", err)
		h.set(healthv1.HealthCheckResponse_NOT_SERVING)
	}
}

func (h *healthService) set(s healthv1.HealthCheckResponse_ServingStatus) {
	h.last = s
	h.SetServingStatus("", s)
	h.SetServingStatus(messagestorev1.MessageStoreService_ServiceDesc.ServiceName, s)
	if s == healthv1.HealthCheckResponse_SERVING {
		h.serving.Set(1)
	} else {
		h.serving.Set(0)
	}
}

// Watch ends when the server stops: else it would never be drained.
func (h *healthService) Watch(r *healthv1.HealthCheckRequest, stream healthv1.Health_WatchServer) error {
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	defer context.AfterFunc(h.stopping, func() { cancel(errStopping) })()
	err := h.Server.Watch(r, watched{stream, ctx})
	if errors.Is(context.Cause(ctx), errStopping) {
		return errStopping
	}
	return err
}

// A watched stream is a server's stream with a context of ours.
type watched struct {
	healthv1.Health_WatchServer
	ctx context.Context
}

func (w watched) Context() context.Context { return w.ctx }
