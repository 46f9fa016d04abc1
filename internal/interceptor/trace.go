package interceptor

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// TraceHeader is the key of the trace id in the metadata of an answer.
const TraceHeader = "x-trace-id"

type traceKey struct{}

// WithTraceID returns a context of the trace with that id.
func WithTraceID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceID returns the id of the context's trace, a UUID. In a call there is one;
// elsewhere, unless WithTraceID was called, it is "".
func TraceID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// trace begins a trace, unless an interceptor before it has begun one. What the
// caller sent is ignored: whoever chose trace ids could hide in the traces of
// others.
//
// The id that it makes goes out in the trailers: a call that failed with headers
// before counts as begun, and clients do not retry it. One that was made before
// has been answered by who made it.
func trace(ctx context.Context, _ Method, next func(context.Context) error) error {
	if TraceID(ctx) != "" {
		return next(ctx)
	}
	id := uuid.NewString()
	// It fails only after the answer, which nobody could have sent yet.
	_ = grpc.SetTrailer(ctx, metadata.Pairs(TraceHeader, id))
	return next(WithTraceID(ctx, id))
}
