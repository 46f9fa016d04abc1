package interceptor

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// TraceHeader is the metadata key of the trace id in an answer.
const TraceHeader = "x-trace-id"

type traceKey struct{}

// WithTraceID returns a context that belongs to the trace with the id.
func WithTraceID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceID returns the trace id of the context, a UUID. It is "" outside a call,
// unless WithTraceID set it.
func TraceID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// trace starts a trace, unless an earlier interceptor has started one. It ignores
// a trace id from the caller, who could otherwise hide in another's trace.
//
// The id is sent in the trailers, because a client does not retry a call that
// failed after it received headers.
func trace(ctx context.Context, _ Method, next func(context.Context) error) error {
	if TraceID(ctx) != "" {
		return next(ctx)
	}
	id := uuid.NewString()
	_ = grpc.SetTrailer(ctx, metadata.Pairs(TraceHeader, id)) // fails only after the answer is sent
	return next(WithTraceID(ctx, id))
}
