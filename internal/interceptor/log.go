package interceptor

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

type notesKey struct{}

// notes are what the handler adds to the line of its call.
type notes struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

// Annotate adds attributes to the line in the log that the call will have, such
// as who calls. Outside of a call it does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attrs = append(n.attrs, attrs...)
}

type logger struct{ log *slog.Logger }

// around writes a line when the call has ended. It has the text of the handler's
// error, which may say more than its status, and so more than the caller sees.
func (l logger) around(ctx context.Context, m Method, next func(context.Context) error) error {
	n := &notes{}
	start := startOf(ctx)
	err := next(context.WithValue(ctx, notesKey{}, n))

	c := code(err)
	if !l.log.Enabled(ctx, Level(c)) {
		return err
	}
	n.mu.Lock()
	attrs := slices.Clone(n.attrs)
	n.mu.Unlock()
	attrs = append(attrs, slog.String("method", m.Name), slog.String("code", c.String()),
		slog.Duration("duration", time.Since(start)), slog.String("traceId", TraceID(ctx)))
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	l.log.LogAttrs(ctx, Level(c), "call", attrs...)
	return err
}

// Level is that of a call's line, by whose business the outcome is: what a caller did and was told is
// for debugging. So is RESOURCE_EXHAUSTED: under overload a line a call would be
// a part of the load, and the metrics count them.
func Level(c codes.Code) slog.Level {
	switch c {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unauthenticated, codes.PermissionDenied:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
