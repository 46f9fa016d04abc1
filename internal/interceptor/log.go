package interceptor

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
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
// a trace id from the caller, which could otherwise pretend to be part of another trace.
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

type attrsKey struct{}

// Annotate adds attributes, such as the principal, to the log line of the current
// call. Only the goroutine of the call may call it. Outside a call it does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	if added, ok := ctx.Value(attrsKey{}).(*[]slog.Attr); ok {
		*added = append(*added, attrs...)
	}
}

// logCalls writes a line when a call has ended, with the text of the handler's
// error. That text may have more detail than the status, which the caller sees.
func logCalls(log *slog.Logger) Interceptor {
	return func(ctx context.Context, m Method, next func(context.Context) error) error {
		var attrs []slog.Attr
		err := next(context.WithValue(ctx, attrsKey{}, &attrs))
		c := code(err)
		if !log.Enabled(ctx, Level(c)) {
			return err
		}
		attrs = append(attrs, slog.String("method", m.Name), slog.String("code", c.String()),
			slog.Duration("duration", time.Since(m.Start)), slog.String("traceId", TraceID(ctx)))
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
		}
		log.LogAttrs(ctx, Level(c), "call", attrs...)
		return err
	}
}

// Level returns the level at which a call with the code is logged: error for a
// fault of the server, warn for an outage or a rejected credential, else debug.
// RESOURCE_EXHAUSTED is debug too, because logging every rejection would add to an
// overload; the metrics count them.
func Level(c codes.Code) slog.Level {
	switch c {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unauthenticated, codes.PermissionDenied:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// recoverPanics turns a panic into INTERNAL with a fixed text, and logs its stack.
func recoverPanics(log *slog.Logger) Interceptor {
	return func(ctx context.Context, m Method, next func(context.Context) error) (err error) {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "panic", "method", m.Name, "traceId", TraceID(ctx),
					"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = status.Error(codes.Internal, "internal error")
			}
		}()
		return next(ctx)
	}
}
