package interceptor

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type attrsKey struct{}

// callAttrs are the attributes that a handler adds to the log line of its call.
type callAttrs struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

// Annotate adds attributes, such as the principal, to the log line of the current
// call. Outside a call it does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	a, ok := ctx.Value(attrsKey{}).(*callAttrs)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attrs = append(a.attrs, attrs...)
}

// logCalls writes a line when a call has ended, with the text of the handler's
// error. That text may tell more than the status, which the caller sees.
func logCalls(log *slog.Logger) Interceptor {
	return func(ctx context.Context, m Method, next func(context.Context) error) error {
		added := &callAttrs{}
		start := startOf(ctx)
		err := next(context.WithValue(ctx, attrsKey{}, added))

		c := code(err)
		if !log.Enabled(ctx, Level(c)) {
			return err
		}
		added.mu.Lock()
		attrs := slices.Clone(added.attrs)
		added.mu.Unlock()
		attrs = append(attrs, slog.String("method", m.Name), slog.String("code", c.String()),
			slog.Duration("duration", time.Since(start)), slog.String("traceId", TraceID(ctx)))
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
		}
		log.LogAttrs(ctx, Level(c), "call", attrs...)
		return err
	}
}

// Level returns the level at which a call with the code is logged: error for a
// fault of the server, warn for an outage or a refused credential, else debug.
// RESOURCE_EXHAUSTED is debug too, because logging every refusal would add to an
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
