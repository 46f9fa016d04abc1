package rpc

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// maxConnections cost about 100 KiB each, with their buffers. A client needs
	// one.
	maxConnections = 4096
	// maxCalls cost some 10 KiB each while they wait, their messages aside.
	maxCalls = 16384
	// maxPrincipalStreams bounds the reads and subscriptions of a principal: one
	// that forgets to end them leaves calls to the others.
	maxPrincipalStreams = 5000
	// maxPrincipalCalls bounds the unary calls of a principal, so that one alone
	// does not keep the others out. What a WriteEach has is bounded by the queue.
	maxPrincipalCalls = maxCalls / 2
	// retryAfter is what who meets a limit is told to wait: then there is room
	// again, or the overload lasts.
	retryAfter = time.Second
)

// limits bound what a server has open at one time.
type limits struct {
	border             border
	connections, calls *count
	unary, streams     *shares
}

func newLimits(border border, registry *prometheus.Registry) *limits {
	factory := promauto.With(registry)
	refused := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "messagestore_refused_total",
		Help: "Connections, calls and streams that a limit of the server refused.",
	}, []string{"limit"})
	l := &limits{
		border:      border,
		connections: &count{max: maxConnections, refused: refused.WithLabelValues("connections")},
		calls:       &count{max: maxCalls, refused: refused.WithLabelValues("calls")},
		unary:       &shares{open: map[messagestore.Principal]int{}, max: maxPrincipalCalls, refused: refused.WithLabelValues("unary")},
		streams:     &shares{open: map[messagestore.Principal]int{}, max: maxPrincipalStreams, refused: refused.WithLabelValues("streams")},
	}
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "messagestore_connections_open",
		Help: "Connections of clients.",
	}, l.connections.value)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "messagestore_calls_open",
		Help: "Calls under way, streams included, health checks not.",
	}, l.calls.value)
	l.unary.gauge = factory.NewGaugeVec(prometheus.GaugeOpts{
		Name: "messagestore_unary_open",
		Help: "Unary calls under way, by who called.",
	}, []string{"principal"})
	l.streams.gauge = factory.NewGaugeVec(prometheus.GaugeOpts{
		Name: "messagestore_streams_open",
		Help: "Reads and subscriptions under way, by who called.",
	}, []string{"principal"})
	return l
}

// tap refuses a call before anything of it is read, and so before it costs
// memory: one whose message does not come takes room, too. Health checks pass:
// under overload they are needed most. A call counts until its context ends, which
// the handler heeds.
func (l *limits) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if isHealth(info.FullMethodName) {
		return ctx, nil
	}
	if !l.calls.enter() {
		return ctx, exhausted("too many calls are under way in the server")
	}
	leave := l.calls.leave
	if share, what := l.shareOf(info.FullMethodName); share != nil {
		// Those without a principal, whom the border refuses, have a share together.
		principal, _ := l.border.principal(ctx)
		if !share.enter(principal) {
			leave()
			return ctx, exhausted("too many " + what + " of this principal are under way")
		}
		leave = func() { share.leave(principal); l.calls.leave() }
	}
	context.AfterFunc(ctx, leave)
	return ctx, nil
}

// exhausted returns a status: no interceptor sees what the tap refuses.
func exhausted(reason string) error {
	return toStatus(&messagestore.ExhaustedError{Reason: reason, RetryAfter: retryAfter})
}

// shareOf returns which share the method's calls are of, and what they are; nil
// for those of another service.
func (l *limits) shareOf(method string) (*shares, string) {
	service := &messagestorev1.MessageStoreService_ServiceDesc
	name, ok := strings.CutPrefix(method, "/"+service.ServiceName+"/")
	switch {
	case !ok:
		return nil, ""
	case slices.ContainsFunc(service.Streams, func(s grpc.StreamDesc) bool { return s.StreamName == name }):
		return l.streams, "reads and subscriptions"
	}
	return l.unary, "calls"
}

// A count is how much of something is open.
type count struct {
	open    atomic.Int64
	max     int64
	refused prometheus.Counter
}

// enter reports whether there was room for one more, which it then takes.
func (c *count) enter() bool {
	if c.open.Add(1) > c.max {
		c.open.Add(-1)
		c.refused.Inc()
		return false
	}
	return true
}

func (c *count) leave() { c.open.Add(-1) }

func (c *count) value() float64 { return float64(c.open.Load()) }

// shares is a count for each principal. The principals are those that the
// authority has certificates for, so few enough for a label.
type shares struct {
	mu      sync.Mutex
	open    map[messagestore.Principal]int
	max     int
	gauge   *prometheus.GaugeVec
	refused prometheus.Counter
}

func (s *shares) enter(p messagestore.Principal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[p] >= s.max {
		s.refused.Inc()
		return false
	}
	s.open[p]++
	s.gauge.WithLabelValues(string(p)).Set(float64(s.open[p]))
	return true
}

func (s *shares) leave(p messagestore.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[p]--
	s.gauge.WithLabelValues(string(p)).Set(float64(s.open[p]))
}
