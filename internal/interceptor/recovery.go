package interceptor

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type recovery struct{ log *slog.Logger }

// around turns a panic into INTERNAL with a fixed text, and logs its stack.
func (r recovery) around(ctx context.Context, m Method, next func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.ErrorContext(ctx, "panic", "method", m.Name, "traceId", TraceID(ctx),
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "internal error")
		}
	}()
	return next(ctx)
}
