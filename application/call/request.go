// Package call is one call of the API, over REST or gRPC: its Request with the
// trace id, the session and the idempotency key, the table of who may call what,
// and the errors that callers get.
package call

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

const (
	// TraceHeader is the HTTP header of the trace id. In gRPC it is a metadata key in
	// lower case, and so is KeyHeader.
	TraceHeader = "X-Trace-Id"
	// KeyHeader is the HTTP header of the idempotency key.
	KeyHeader = "Idempotency-Key"

	// Timeout bounds a call. The message store's client needs up to 5 s to give up
	// a server that hangs.
	Timeout = 10 * time.Second
)

// A Session identifies a log-in. Package session signs it into a token.
type Session struct {
	ID, User uuid.UUID
}

// A Request holds what a service needs to know of a call besides the input of the RPC.
type Request struct {
	TraceID string
	// TraceParent is the trace context, "" if the call is not traced.
	TraceParent string
	// Session is nil for an anonymous call. Its signature is verified; whether the
	// session has ended, session.Authorizer.Check reads.
	Session *Session
	// BadCredential reports that the call came with an invalid credential.
	BadCredential bool
	// Path returns the path that the call has in REST, also if it came by gRPC; for
	// a method without REST its gRPC name.
	Path func() string
	// Key is the idempotency key, or nil.
	Key *uuid.UUID
	// Invalid has the violations found in the call's metadata.
	Invalid InvalidError
}

// NewRequest returns the request of a call with the verb and path in REST. With an
// idempotency key, which only POST may have, the trace id is derived from it. Else
// it is that of the context, or a new one.
func NewRequest(ctx context.Context, verb string, path func() string, session *Session, metadata func(key string) []string) *Request {
	r := &Request{Path: path, Session: session, TraceID: interceptor.TraceID(ctx)}
	if keys := metadata(strings.ToLower(KeyHeader)); verb == http.MethodPost && len(keys) > 0 {
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

// Derive returns the id that a call with an idempotency key has for a purpose:
// a UUIDv8 of the first 16 bytes of the SHA-256 of
//
//	videotutorials idempotency 1\n<purpose>\n<key>\n<caller>\n<path>
//
// where the key is lower-case, the caller is the user's id or `anonymous`, and
// the path is the call's path in REST. Only the path, which is last, can contain a
// line feed, so different calls have different texts.
//
// The derivation MUST NOT change: a request that is repeated after an update of
// the application would be executed twice.
func (r *Request) Derive(purpose string, key uuid.UUID) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "videotutorials idempotency 1\n%s\n%s\n%s\n%s", purpose, key, r.Caller(), r.Path()))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// MessageID returns the id of the call's message. Without an idempotency key it is a
// new id that sorts by time, as the index of the store prefers.
func (r *Request) MessageID() string {
	if r.Key == nil {
		return contract.NewID()
	}
	return r.ID(PurposeMessage)
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

// Write writes m as the call's message to the stream, whatever its version.
func (r *Request) Write(ctx context.Context, store messagestore.Store, stream messagestore.Stream, m proto.Message) error {
	return r.WriteAs(ctx, store, stream, r.MessageID(), r.UserID(), m)
}

// WriteAs is Write with the given id and user. A registration is attributed to the new
// user although the call has no session.
func (r *Request) WriteAs(ctx context.Context, store messagestore.Store, stream messagestore.Stream, id string, user *wrapperspb.StringValue, m proto.Message) error {
	message, err := r.Message(id, user, m)
	if err == nil {
		_, err = store.Write(ctx, stream, messagestore.Any, message)
	}
	return err
}

// Message returns m as a message of the call with the id and the acting user.
func (r *Request) Message(id string, user *wrapperspb.StringValue, m proto.Message) (messagestore.NewMessage, error) {
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

// From returns the request of the context, or an empty one.
func From(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}

// Bounded calls do with a context that ends after the timeout. It returns an error
// with the code UNAVAILABLE if do ended because of the timeout, and not because of
// the caller's own deadline.
func Bounded(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	callerDeadline, ok := ctx.Deadline()
	deadline, _ := bounded.Deadline()
	err := do(bounded)
	if errors.Is(err, context.DeadlineExceeded) && (!ok || deadline.Before(callerDeadline)) {
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return err
}

// The purposes of derived ids. They are part of the derivation.
const (
	purposeTrace   = "trace"
	PurposeUser    = "user"
	PurposeSession = "session"
	PurposeVideo   = "video"
	PurposeUpload  = "upload"
	PurposeMessage = "message 0"
)

// Repeated returns the message that an earlier call with the same idempotency key
// wrote to the stream of commands, and whether there is one. It reads the stream,
// because the store has no read by message id for the application.
func (r *Request) Repeated(ctx context.Context, store messagestore.Store, commands messagestore.Stream) (m messagestore.Message, repeated bool, err error) {
	if r.Key == nil {
		return m, false, nil
	}
	id := r.MessageID()
	for stored, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream(commands)}) {
		if err != nil {
			return m, false, err
		}
		if stored.ID == id {
			return stored, true, nil
		}
	}
	return m, false, nil
}

// Peer returns the address that a call comes from: an IPv4 address, or the /64 prefix
// of an IPv6 address, because a customer usually has a whole /64. It is "" if unknown.
// Users behind one proxy are one peer.
func Peer(ctx context.Context) string {
	var host string
	if p, ok := peer.FromContext(ctx); ok {
		host, _, _ = net.SplitHostPort(p.Addr.String())
	} else {
		// A call of the gateway, which has appended the address of its own peer. The
		// addresses before it can be forged.
		md, _ := metadata.FromIncomingContext(ctx)
		all := strings.Split(strings.Join(md.Get("x-forwarded-for"), ","), ",")
		host = strings.TrimSpace(all[len(all)-1])
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
