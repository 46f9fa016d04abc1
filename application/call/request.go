// Package call is one call of the API, over REST or gRPC: its Request with the
// trace id, the session and the idempotency key, the table of who may call what,
// and the errors that callers get.
package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

const (
	// TraceHeader and KeyHeader are headers of REST, and in lower case metadata of
	// gRPC.
	TraceHeader = "X-Trace-Id"
	KeyHeader   = "Idempotency-Key"

	// Timeout bounds a call. The message store's client needs up to 5 s to give up
	// a server that hangs.
	Timeout = 10 * time.Second
)

// A Session is a log-in of a user.
type Session struct {
	ID, User uuid.UUID
}

// A Request is what the services know of a call besides its input.
type Request struct {
	TraceID string
	// TraceParent is the trace context, "" if the call is not traced.
	TraceParent string
	// Session is nil for an anonymous call. Whether the session has ended is not
	// checked yet.
	Session *Session
	// BadCredential reports that the call came with an invalid credential.
	BadCredential bool
	// Path returns the path that the call has in REST, also if it came by gRPC; for
	// a method without REST its gRPC name.
	Path func() string
	// Key is the idempotency key, nil if there is none.
	Key *uuid.UUID
	// Invalid has the violations found in the call's metadata.
	Invalid InvalidError
}

// Metadata returns the values that a call came with under a lower-case key.
type Metadata func(key string) []string

// NewRequest returns the request of a call with the verb and path in REST. With an
// idempotency key, which only POST may have, the trace id is derived from it. Else
// it is that of the context, or a new one.
func NewRequest(ctx context.Context, verb string, path func() string, session *Session, md Metadata) *Request {
	r := &Request{Path: path, Session: session, TraceID: interceptor.TraceID(ctx)}
	if keys := md("idempotency-key"); verb == http.MethodPost && len(keys) > 0 {
		key, ok := contract.ParseUUID(keys[0])
		switch {
		case len(keys) > 1:
			r.Invalid.Add(KeyHeader, "is given more than once")
		case !ok:
			r.Invalid.Add(KeyHeader, notUUID(keys[0]))
		default:
			r.Key = &key
			r.TraceID = r.ID(purposeTrace)
		}
	}
	if r.TraceID == "" {
		r.TraceID = uuid.NewString()
	}
	return r
}

// ID returns the id that the call has for a purpose: derived from the idempotency
// key if there is one, else a new one each time.
func (r *Request) ID(purpose string) string {
	if r.Key == nil {
		return uuid.NewString()
	}
	return r.Derive(purpose, *r.Key)
}

// Derive is ID with the given key instead of the call's.
func (r *Request) Derive(purpose string, key uuid.UUID) string {
	return derive(purpose, key, r.Caller(), r.Path())
}

// MessageID returns the id of the call's nth message, counted from 0.
func (r *Request) MessageID(n int) string {
	if r.Key == nil {
		return contract.NewID()
	}
	return r.ID(PurposeMessage(n))
}

// Caller returns the user's id, or "anonymous".
func (r *Request) Caller() string {
	if r.Session == nil {
		return "anonymous"
	}
	return r.Session.User.String()
}

// UserID returns the user's id as messages have it, nil for an anonymous call.
func (r *Request) UserID() *wrapperspb.StringValue {
	if r.Session == nil {
		return nil
	}
	return wrapperspb.String(r.Caller())
}

// Message returns m as the call's nth message, counted from 0. A repeat of the call
// MUST use the same n for the same message.
func (r *Request) Message(n int, m proto.Message) (messagestore.NewMessage, error) {
	return r.MessageWith(r.MessageID(n), r.UserID(), m)
}

// MessageWith returns m as a message of the call with the id and the acting user,
// who may be another than the caller: a registration is a user's before there is
// a session.
func (r *Request) MessageWith(id string, user *wrapperspb.StringValue, m proto.Message) (messagestore.NewMessage, error) {
	data, err := contract.Marshal(m)
	if err != nil {
		return messagestore.NewMessage{}, err
	}
	metadata := contract.Metadata{TraceID: r.TraceID, TraceParent: r.TraceParent}
	if user != nil {
		metadata.UserID = &user.Value
	}
	return messagestore.NewMessage{ID: id, Type: contract.Type(m), Data: data, Metadata: metadata.String()}, nil
}

type requestKey struct{}

// With returns a context with the request and its trace id.
func With(ctx context.Context, r *Request) context.Context {
	if interceptor.TraceID(ctx) != r.TraceID {
		ctx = interceptor.WithTraceID(ctx, r.TraceID)
	}
	return context.WithValue(ctx, requestKey{}, r)
}

// From returns the request of the context, an empty one if there is none.
func From(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}

// Bounded calls do with a context that ends after the timeout. It returns an error
// with the code UNAVAILABLE if that ends do before the caller's own deadline does.
func Bounded(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	theirs, ok := ctx.Deadline()
	ours, _ := bounded.Deadline()
	err := do(bounded)
	if errors.Is(err, context.DeadlineExceeded) && (!ok || ours.Before(theirs)) {
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return err
}
