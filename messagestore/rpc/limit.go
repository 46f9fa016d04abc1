package rpc

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"

	"videotutorials/internal/limit"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// maxConnections bounds the connections, which cost about 100 KiB each with
	// their buffers. A client needs one.
	maxConnections = 4096
	// maxCalls bounds the calls in progress, which cost some 10 KiB each while they
	// wait, without their messages.
	maxCalls = 16384
	// maxPrincipalStreams bounds the reads and subscriptions of one principal, so
	// that a client that leaks them does not use up maxCalls.
	maxPrincipalStreams = 5000
	// maxPrincipalCalls bounds the unary calls of one principal. The writes of a
	// WriteEach count as one call here; the Store's queue bounds them.
	maxPrincipalCalls = maxCalls / 2
	// retryAfter is the RetryAfter of a rejected call: a short overload is over by then.
	retryAfter = time.Second
)

// limits bound the connections and calls of a server.
type limits struct {
	auth               authInterceptor
	connections, calls meteredLimit // total
	unary, streams     meteredLimit // by principal
}

func newLimits(auth authInterceptor, registry *prometheus.Registry) *limits {
	factory := promauto.With(registry)
	rejected := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "messagestore_refused_total",
		Help: "Connections, calls and streams that a limit of the server rejected.",
	}, []string{"limit"})
	l := &limits{
		auth:        auth,
		connections: meteredLimit{Semaphore: limit.Semaphore{Total: maxConnections}, rejected: rejected.WithLabelValues("connections")},
		calls:       meteredLimit{Semaphore: limit.Semaphore{Total: maxCalls}, rejected: rejected.WithLabelValues("calls")},
		unary:       meteredLimit{Semaphore: limit.Semaphore{PerKey: maxPrincipalCalls}, rejected: rejected.WithLabelValues("unary")},
		streams:     meteredLimit{Semaphore: limit.Semaphore{PerKey: maxPrincipalStreams}, rejected: rejected.WithLabelValues("streams")},
	}
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "messagestore_connections_open",
		Help: "Connections of clients.",
	}, func() float64 { return float64(l.connections.Held()) })
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "messagestore_calls_open",
		Help: "Calls in progress, including streams, without health checks.",
	}, func() float64 { return float64(l.calls.Held()) })
	l.unary.open = factory.NewGaugeVec(prometheus.GaugeOpts{
		Name: "messagestore_unary_open",
		Help: "Unary calls in progress by principal.",
	}, []string{"principal"})
	l.streams.open = factory.NewGaugeVec(prometheus.GaugeOpts{
		Name: "messagestore_streams_open",
		Help: "Reads and subscriptions in progress by principal.",
	}, []string{"principal"})
	return l
}

// tap rejects a call over a limit before gRPC reads the request: even a call whose
// request never arrives costs memory. Health checks are not limited: they are
// needed most during overload. A call counts until its context ends, which is when the handler
// returns or the caller leaves.
func (l *limits) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if isHealth(info.FullMethodName) {
		return ctx, nil
	}
	if !l.calls.acquire("") {
		return ctx, exhausted("too many calls are in progress in the server")
	}
	release := func() { l.calls.release("") }
	if limit, calls := l.limitOf(info.FullMethodName); limit != nil {
		// Calls without a principal, which the auth interceptor rejects, share "".
		p, _ := l.auth.principal(ctx)
		if !limit.acquire(p) {
			release()
			return ctx, exhausted("too many " + calls + " of this principal are in progress")
		}
		release = func() { limit.release(p); l.calls.release("") }
	}
	context.AfterFunc(ctx, release)
	return ctx, nil
}

// exhausted returns a status, because no interceptor sees the errors of tap.
func exhausted(reason string) error {
	return toStatus(&messagestore.ExhaustedError{Reason: reason, RetryAfter: retryAfter})
}

// limitOf returns the limit by principal of a method and a noun for its calls, or
// nil for a method of another service.
func (l *limits) limitOf(method string) (*meteredLimit, string) {
	service := &messagestorev1.MessageStoreService_ServiceDesc
	name, ok := strings.CutPrefix(method, "/"+service.ServiceName+"/")
	switch {
	case !ok:
		return nil, ""
	case slices.ContainsFunc(service.Streams, func(s grpc.StreamDesc) bool { return s.StreamName == name }):
		return &l.streams, "reads and subscriptions"
	}
	return &l.unary, "calls"
}

// A meteredLimit is a semaphore with metrics. The principals are those with a
// certificate, so they are few enough for a label.
type meteredLimit struct {
	limit.Semaphore
	rejected prometheus.Counter
	open     *prometheus.GaugeVec // by principal; may be nil
}

func (m *meteredLimit) acquire(p messagestore.Principal) bool {
	if _, ok := m.TryAcquire(string(p)); !ok {
		m.rejected.Inc()
		return false
	}
	if m.open != nil {
		m.open.WithLabelValues(string(p)).Inc()
	}
	return true
}

func (m *meteredLimit) release(p messagestore.Principal) {
	m.Release(string(p))
	if m.open != nil {
		m.open.WithLabelValues(string(p)).Dec()
	}
}
