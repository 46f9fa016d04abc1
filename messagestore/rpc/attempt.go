package rpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
)

const (
	// attempts is how many servers a unary call tries at the most. More would
	// be a load that grows when the servers are slow.
	attempts = 3
	// attemptWithin bounds all but the last. A server answers in milliseconds;
	// this leaves it the time in which it gets over a Postgres that pauses, and
	// the caller, who has 10 s, the time for two others.
	attemptWithin = 3 * time.Second
)

// call makes a unary call.
func call[Q proto.Message, R any](ctx context.Context, c *Client, method func(context.Context, Q, ...grpc.CallOption) (R, error), request Q) (R, error) {
	bounded, cancel := within(ctx)
	defer cancel()
	response, err := try(bounded, c, method, request)
	return response, failure(ctx, request, err)
}

// within returns the context of a call, which ends in any case.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, answerWithin)
}

// try makes a unary call, whose error is a status. The context has a deadline.
func try[Q proto.Message, R any](ctx context.Context, c *Client, method func(context.Context, Q, ...grpc.CallOption) (R, error), request Q) (R, error) {
	response, _, err := tryOn(ctx, c, method, request, false)
	return response, err
}

// tryOn is try of what may have been tried before: unknown says that it may yet be
// done by that. It returns whether that is so now.
func tryOn[Q proto.Message, R any](ctx context.Context, c *Client, method func(context.Context, Q, ...grpc.CallOption) (R, error), request Q, unknown bool) (R, bool, error) {
	for left := attempts; ; left-- {
		response, silent, err := attempt(ctx, c, left, method, request)
		if !silent {
			return response, unknown, known(err, unknown)
		}
		unknown = true
	}
}

// known returns the error of a call, which is UNAVAILABLE where another one is not
// the outcome of all that was tried.
func known(err error, unknown bool) error {
	if err == nil || !unknown || settles(err) {
		return err
	}
	return status.Error(codes.Unavailable, "a server did not answer, and another one refuses: "+status.Convert(err).Message())
}

// settles reports whether the error is the outcome of a silent attempt before, too.
// That one may still be done when there is room, and when a stream has come to the
// version that the call expects; once it has passed that, never.
func settles(err error) bool {
	if status.Code(err) == codes.ResourceExhausted {
		return false
	}
	var conflict *messagestore.VersionConflictError
	return !errors.As(fromStatus(err), &conflict) || conflict.Expected >= messagestore.None && conflict.Expected < conflict.Actual
}

// attempt makes a call of which as many attempts are left, and reports whether
// there is reason for another one: its server is silent, and is not the only one.
// gRPC itself repeats what ends with UNAVAILABLE.
func attempt[Q proto.Message, R any](ctx context.Context, c *Client, left int, method func(context.Context, Q, ...grpc.CallOption) (R, error), request Q) (response R, silent bool, err error) {
	if !c.servers.several() {
		response, err = method(ctx, request)
		return response, false, err
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if left > 1 {
		limited, cancel = context.WithTimeout(ctx, share(ctx, left))
	}
	defer cancel()

	var server peer.Peer
	start := time.Now()
	response, err = method(limited, request, grpc.Peer(&server))
	ended := status.Code(err) == codes.DeadlineExceeded // by the server's clock, or by ours
	switch {
	case server.Addr == nil: // none was there to be called
	case ended:
		c.servers.wasSilent(server.Addr, start)
	default:
		c.servers.answered(server.Addr)
	}
	return response, ended && left > 1 && ctx.Err() == nil, err
}

// share is the time that one of the attempts which are left may take: callers
// whose deadline is short try several servers, too.
func share(ctx context.Context, left int) time.Duration {
	deadline, _ := ctx.Deadline()
	return min(attemptWithin, time.Until(deadline)/time.Duration(left))
}
