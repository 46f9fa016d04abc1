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
	// callTimeout bounds a call whose context has no deadline, and the wait until a
	// stream begins.
	callTimeout = 10 * time.Second
	// maxAttempts is how many servers a unary call tries. More attempts would add
	// load when the servers are slow.
	maxAttempts = 3
	// attemptTimeout bounds every attempt except the last. It covers a short stall
	// of Postgres, and leaves time for two other servers within callTimeout.
	attemptTimeout = 3 * time.Second
)

// A unaryMethod is a unary method of the generated client.
type unaryMethod[Q proto.Message, R any] = func(context.Context, Q, ...grpc.CallOption) (R, error)

// call makes a unary call, on another server if one does not answer, and returns
// a Store's error.
func call[Q proto.Message, R any](ctx context.Context, c *Client, method unaryMethod[Q, R], request Q) (R, error) {
	bounded, cancel := withDeadline(ctx)
	defer cancel()
	for left := maxAttempts; ; left-- {
		response, retry, err := attempt(bounded, c, left, method, request)
		if retry {
			continue
		}
		err = callError(ctx, request, err)
		if left < maxAttempts {
			err = afterUnanswered(err)
		}
		return response, err
	}
}

// attempt makes one attempt of a unary call that has left attempts, this one
// included. It reports whether to retry: the server has not answered in time, and
// there are others. gRPC itself retries after UNAVAILABLE. The context MUST have a
// deadline; the error is a status.
func attempt[Q proto.Message, R any](ctx context.Context, c *Client, left int, method unaryMethod[Q, R], request Q) (response R, retry bool, err error) {
	if !c.servers.several() {
		response, err = method(ctx, request)
		return response, false, err
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if left > 1 {
		// A caller with a short deadline tries several servers too.
		deadline, _ := ctx.Deadline()
		limited, cancel = context.WithTimeout(ctx, min(attemptTimeout, time.Until(deadline)/time.Duration(left)))
	}
	defer cancel()

	var server peer.Peer
	start := time.Now()
	response, err = method(limited, request, grpc.Peer(&server))
	unanswered := status.Code(err) == codes.DeadlineExceeded // by the server's clock or by ours
	switch {
	case server.Addr == nil: // no server was connected
	case unanswered:
		c.servers.exclude(server.Addr, start)
	default:
		c.servers.answered(server.Addr)
	}
	return response, unanswered && left > 1 && ctx.Err() == nil, err
}

// withDeadline returns ctx, bounded by callTimeout if it has no deadline.
func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callTimeout)
}

// afterUnanswered returns the error of a call of which an earlier attempt was not
// answered. It is an *UnavailableError if that attempt may still take effect
// despite err: after a full queue has drained, or once the stream reaches the
// expected version. A version that the stream has passed stays a conflict.
func afterUnanswered(err error) error {
	var exhausted *messagestore.ExhaustedError
	var conflict *messagestore.VersionConflictError
	if errors.As(err, &exhausted) ||
		errors.As(err, &conflict) && (conflict.Expected < messagestore.None || conflict.Expected >= conflict.Actual) {
		return &messagestore.UnavailableError{Reason: "a server did not answer, and another one rejected: " + err.Error()}
	}
	return err
}

// callError translates the status of a call for the caller, whose context is ctx.
func callError(ctx context.Context, request proto.Message, err error) error {
	if status.Code(err) == codes.Internal {
		// gRPC also answers INTERNAL for a request that it cannot encode.
		if invalid := checkText(request); invalid != nil {
			return invalid
		}
	}
	return unlessGaveUp(ctx, fromStatus(err))
}

// unlessGaveUp returns err, or an *UnavailableError if the other side gave up. The
// context error is not wrapped: errors.Is MUST find only the caller's own.
func unlessGaveUp(ctx context.Context, err error) error {
	if gaveUp(ctx, err) {
		return &messagestore.UnavailableError{Reason: "no answer: " + err.Error()}
	}
	return err
}

// gaveUp reports whether err is a context error that does not stem from ctx, the
// caller's context.
func gaveUp(ctx context.Context, err error) bool {
	_, bounded := ctx.Deadline()
	return ctx.Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !bounded)
}
