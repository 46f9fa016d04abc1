package application

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

const (
	// traceHeader and keyHeader are headers of REST, and in lower case the
	// metadata of gRPC.
	traceHeader = "X-Trace-Id"
	keyHeader   = "Idempotency-Key"
	keyMetadata = "idempotency-key"

	// callTimeout bounds a call: longer than the store needs to get over a server
	// that hangs, 5 s, and short enough for somebody to wait for.
	callTimeout = 10 * time.Second
)

// A request is the context of a call: by what the call and its messages are
// known.
type request struct {
	traceID string
	// traceParent is the trace context, "" where the call is not traced.
	traceParent string
	// userID is who calls. Nil: anonymous.
	userID *string
	// session is the one that the call is in. Nil: none. Whether it has ended is
	// for the door to see.
	session *session
	// badToken says that the call came with a credential that is none.
	badToken bool
	// path returns the call's path in REST, by gRPC too; of a method that is not
	// in REST its name.
	path func() string
	// key is the idempotency key. Nil: none.
	key *uuid.UUID
	// invalid is what is wrong with the call's metadata.
	invalid invalidError
}

// A received returns what a call came with under a key of metadata, in lower case.
type received func(key string) []string

// request returns the request of a call. Its trace is the context's, if that has
// one.
func (d door) request(ctx context.Context, method string, in any, got received) *request {
	r, ok := d.routes.method(method)
	if !ok {
		return &request{traceID: freshTrace(ctx), path: func() string { return method }}
	}
	return d.requestTo(ctx, r.verb, func() string { return r.path(in.(proto.Message)) }, accessOf(method), got)
}

// freshTrace returns the trace id of a call that is repeated by nobody.
func freshTrace(ctx context.Context) string {
	if id := interceptor.TraceID(ctx); id != "" {
		return id
	}
	return uuid.NewString()
}

// requestTo returns the request of a call to that path in REST.
func (d door) requestTo(ctx context.Context, verb string, path func() string, need access, got received) *request {
	req := &request{path: path}
	if need != anybody {
		req.take(d.bearer(got))
	}
	if keys := got(keyMetadata); verb == http.MethodPost && len(keys) > 0 {
		key, ok := parseUUID(keys[0])
		switch {
		case len(keys) > 1:
			req.invalid = invalid(keyHeader, "is given more than once")
		case !ok:
			req.invalid = invalid(keyHeader, notUUID(keys[0]))
		default:
			req.key = &key
		}
	}
	if req.key == nil {
		req.traceID = freshTrace(ctx)
	} else {
		req.traceID = req.id(purposeTrace)
	}
	return req
}

// take makes the call one of the session.
func (r *request) take(s *session, good bool) {
	r.badToken = !good
	if s != nil {
		user := s.user.String()
		r.session, r.userID = s, &user
	}
}

// id returns the id that the call has for a purpose: derived where it has a key,
// else a new one each time.
func (r *request) id(purpose string) string {
	if r.key == nil {
		return uuid.NewString()
	}
	return derive(purpose, *r.key, r.caller(), r.path())
}

// messageID returns the id of the call's nth message, counted from 0.
func (r *request) messageID(n int) string {
	if r.key == nil {
		return contract.NewID()
	}
	return r.id(purposeMessage(n))
}

func (r *request) caller() string {
	if r.userID == nil {
		return "anonymous"
	}
	return *r.userID
}

// user returns the user's id as messages have it, null where nobody is known.
func (r *request) user() *wrapperspb.StringValue {
	if r.userID == nil {
		return nil
	}
	return wrapperspb.String(*r.userID)
}

// message returns m as the call's nth message, counted from 0: with the same n
// for the same message, a repeat of the call has the same ids.
func (r *request) message(n int, m proto.Message) (messagestore.NewMessage, error) {
	return r.messageOf(r.messageID(n), r.userID, m)
}

// messageOf returns m as a message of the call with that id and that acting
// user, who need not be the caller: who registers is known by the answer only.
func (r *request) messageOf(id string, user *string, m proto.Message) (messagestore.NewMessage, error) {
	data, err := contract.Marshal(m)
	if err != nil {
		return messagestore.NewMessage{}, err
	}
	return messagestore.NewMessage{
		ID:       id,
		Type:     contract.Type(m),
		Data:     data,
		Metadata: contract.Metadata{TraceID: r.traceID, UserID: user, TraceParent: r.traceParent}.String(),
	}, nil
}

type requestKey struct{}

// requestOf returns the request in whose context the call is.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// waitOf returns for how long the call wants to wait for something, within what
// is allowed.
func waitOf(in any) time.Duration {
	if waiting, ok := in.(interface{ GetWait() string }); ok {
		if wait, ok := parseWait(waiting.GetWait()); ok {
			return wait
		}
	}
	return 0
}

// guard is the interceptor next to the services: it refuses a call whose
// metadata is bad, bounds its time, and translates its error.
func guard(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	r := requestOf(ctx)
	if r.invalid != nil {
		return nil, r.invalid
	}
	bounded, cancel := context.WithTimeout(ctx, callTimeout+waitOf(in))
	defer cancel()
	theirs, ok := ctx.Deadline()
	ours, _ := bounded.Deadline()
	out, err := next(bounded, in)
	if errors.Is(err, context.DeadlineExceeded) && (!ok || ours.Before(theirs)) {
		// The caller set no deadline that this could be: what was called is away.
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return out, translate(r, err)
}
