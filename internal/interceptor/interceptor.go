// Package interceptor is what surrounds every call of our gRPC servers: a trace
// id, one line in the log, metrics, and recovery from panics.
package interceptor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Layers surround calls, the first outside.
type Layers []Layer

// Standard returns what surrounds every call of a server. The first begins the
// call's trace.
//
// A registry takes the metrics of one server: Standard panics if it is given the
// same one twice.
func Standard(log *slog.Logger, registry *prometheus.Registry) Layers {
	return Layers{
		trace,                       // first, so that all the others know the trace id
		logger{log}.around,          // outside of recovery, so that a panic has its line too
		newMetrics(registry).around, // likewise
		recovery{log}.around,        // last, so that nothing of a panic passes the others
	}
}

// Unary is the layers as one interceptor of unary calls.
func (ls Layers) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	var response any
	err := ls.Around(ctx, Method{info.FullMethod, "unary"}, func(ctx context.Context) (err error) {
		response, err = handler(ctx, request)
		return err
	})
	return response, err
}

// Stream is the layers as one interceptor of streams.
func (ls Layers) Stream(server any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return ls.Around(s.Context(), Method{info.FullMethod, kind(info)}, func(ctx context.Context) error {
		return handler(server, stream{s, ctx})
	})
}

// Chain returns the interceptors as one, the first outside.
func Chain(all ...grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		for _, one := range slices.Backward(all) {
			inner := next
			next = func(ctx context.Context, in any) (any, error) { return one(ctx, in, info, inner) }
		}
		return next(ctx, in)
	}
}

// Around surrounds what next does with the layers. It need not be a call of its
// own to gRPC.
func (ls Layers) Around(ctx context.Context, m Method, next func(context.Context) error) error {
	if len(ls) == 0 {
		return next(ctx)
	}
	return ls[0](ctx, m, func(ctx context.Context) error { return ls[1:].Around(ctx, m, next) })
}

type startKey struct{}

// WithStart returns a context for what Around surrounds that was begun before, and
// when: by that the log and the metrics say how long it took.
func WithStart(ctx context.Context, start time.Time) context.Context {
	return context.WithValue(ctx, startKey{}, start)
}

func startOf(ctx context.Context) time.Time {
	if start, ok := ctx.Value(startKey{}).(time.Time); ok {
		return start
	}
	return time.Now()
}

// A Layer surrounds calls of both kinds. It calls next once at the most, with
// the context that the handler gets, and returns the error of the call.
type Layer func(ctx context.Context, m Method, next func(context.Context) error) error

// A Method is what is called.
type Method struct {
	// Name is as in `/messagestore.v1.MessageStoreService/Write`.
	Name string
	// Kind is unary, client_stream, server_stream or bidi_stream.
	Kind string
}

func kind(info *grpc.StreamServerInfo) string {
	switch {
	case info.IsClientStream && info.IsServerStream:
		return "bidi_stream"
	case info.IsClientStream:
		return "client_stream"
	}
	return "server_stream"
}

// A stream is a server's stream with a context of ours.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

// code returns the code that gRPC answers for a handler's error.
func code(err error) codes.Code {
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	return s.Code()
}
