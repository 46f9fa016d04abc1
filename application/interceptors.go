package application

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/internal/interceptor"
	"videotutorials/internal/tracing"
)

// interceptors surround each unary call, the first outermost.
func interceptors(routes call.Routes, a session.Authorizer, standard interceptor.Chain) []grpc.UnaryServerInterceptor {
	return []grpc.UnaryServerInterceptor{
		identify(routes, a), // first: the answer and the log of every call have its trace id
		standard.Unary,      // trace, log, metrics, recovery; they see rejected calls too
		authorize(a),        // translates its own errors and those of the service
	}
}

// identify puts the call's Request into the context and sends its trace id. It
// rejects nothing.
func identify(routes call.Routes, a session.Authorizer) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		var verb string
		need, path := call.Anyone, func() string { return info.FullMethod }
		if route, ok := routes.Method(info.FullMethod); ok {
			need, verb = call.AccessOf(info.FullMethod), route.Verb
			path = func() string { return route.Path(in.(proto.Message)) }
		}
		r := a.NewRequest(ctx, verb, path, need, func(key string) []string { return metadata.ValueFromIncomingContext(ctx, key) })
		r.TraceParent = tracing.Parent(ctx)
		// At once, so that a caller that does not wait has it. It fails only if the caller
		// is gone.
		_ = grpc.SendHeader(ctx, metadata.Pairs(call.TraceHeader, r.TraceID))
		return next(call.With(ctx, r), in)
	}
}

// authorize rejects calls with invalid metadata, admits the callers that may call the
// method, bounds the time of a call, and translates its error.
func authorize(a session.Authorizer) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
		r := call.From(ctx)
		if r.Invalid != nil {
			return nil, r.Invalid
		}
		var wait time.Duration
		if waiting, ok := in.(interface{ GetWait() string }); ok {
			wait, _ = parseWait(waiting.GetWait())
		}
		err = call.Bounded(ctx, call.Timeout+wait, func(ctx context.Context) (err error) {
			// Within the time limit, because it reads View Data.
			if err := a.Check(ctx, r, call.AccessOf(info.FullMethod)); err != nil {
				return err
			}
			out, err = next(ctx, in)
			return err
		})
		return out, call.Translate(r, err)
	}
}
