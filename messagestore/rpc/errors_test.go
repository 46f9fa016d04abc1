package rpc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// meta is the metadata of an ErrorInfo.
type meta = map[string]string

// everyError has each error of the message store and its status.
var everyError = []struct {
	name   string
	err    error
	code   codes.Code
	reason string
	meta   meta
}{
	{"Invalid", &messagestore.InvalidError{Violations: []messagestore.Violation{
		{Field: "messages[0].id", Description: "is required"}, {Field: "limit", Description: "-1 is negative"},
	}}, codes.InvalidArgument, "", nil},
	{"VersionConflict", &messagestore.VersionConflictError{Stream: "a-1", Expected: 7, Actual: 9},
		codes.Aborted, "VERSION_CONFLICT", meta{"stream_name": "a-1", "expected": "7", "actual": "9"}},
	{"VersionConflict/none", &messagestore.VersionConflictError{Stream: "a-1", Expected: messagestore.None, Actual: 0},
		codes.Aborted, "VERSION_CONFLICT", meta{"stream_name": "a-1", "expected": "none", "actual": "0"}},
	{"VersionConflict/exists", &messagestore.VersionConflictError{Stream: "a-1", Expected: messagestore.Exists, Actual: messagestore.None},
		codes.Aborted, "VERSION_CONFLICT", meta{"stream_name": "a-1", "expected": "exists", "actual": "-1"}},
	{"IDConflict", &messagestore.IDConflictError{ID: "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", StoredStream: "b-2"},
		codes.AlreadyExists, "ID_CONFLICT", meta{"id": "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", "stored_stream_name": "b-2"}},
	{"NotOwner", &messagestore.NotOwnerError{Category: "a", Owner: "spiffe://videotutorials/application"},
		codes.PermissionDenied, "NOT_OWNER", meta{"category": "a", "owner": "spiffe://videotutorials/application"}},
	{"NotReader", &messagestore.NotReaderError{Category: "a"}, codes.PermissionDenied, "NOT_READER", meta{"category": "a"}},
	{"NotReader/all", &messagestore.NotReaderError{}, codes.PermissionDenied, "NOT_READER", meta{"category": ""}},
	{"NotOperator", &messagestore.NotOperatorError{}, codes.PermissionDenied, "NOT_OPERATOR", nil},
	{"Ahead", &messagestore.AheadError{Position: math.MaxInt64, Head: -1},
		codes.OutOfRange, "AHEAD_OF_LOG", meta{"position": "9223372036854775807", "head_position": "-1"}},
	{"Diverged", &messagestore.DivergedError{Place: messagestore.Place{Position: 3, ID: "x"}},
		codes.FailedPrecondition, "LOG_DIVERGED", meta{"position": "3", "message_id": "x"}},
	{"Exhausted", &messagestore.ExhaustedError{RetryAfter: 1500 * time.Millisecond, Reason: "the queue is full"}, codes.ResourceExhausted, "", nil},
	{"Unavailable", &messagestore.UnavailableError{Reason: "Postgres is away"}, codes.Unavailable, "", nil},
	{"NotFound", messagestore.ErrNotFound, codes.NotFound, "", nil},
	{"Unauthenticated", messagestore.ErrUnauthenticated, codes.Unauthenticated, "", nil},
	{"Internal", messagestore.ErrInternal, codes.Internal, "", nil},
}

// TestErrors checks every error in both directions: by the table alone, and over the
// wire from a unary call, a read and a subscription.
func TestErrors(t *testing.T) {
	for _, e := range everyError {
		t.Run(e.name, func(t *testing.T) {
			s := status.Convert(toStatus(fmt.Errorf("wrapped: %w", e.err)))
			if s.Code() != e.code || strings.Contains(s.Message(), "wrapped") {
				t.Errorf("status %v %q, want %v without the wrapping", s.Code(), s.Message(), e.code)
			}
			var info *errdetails.ErrorInfo
			for _, d := range s.Details() {
				if i, ok := d.(*errdetails.ErrorInfo); ok {
					info = i
				}
			}
			if info.GetReason() != e.reason || !reflect.DeepEqual(info.GetMetadata(), e.meta) {
				t.Errorf("ErrorInfo %v, want %s %v", info, e.reason, e.meta)
			}
			if info != nil && info.Domain != "messagestore" {
				t.Errorf("domain %q", info.Domain)
			}
			if got := fromStatus(s.Err()); !reflect.DeepEqual(got, e.err) {
				t.Errorf("converted there and back: %#v, want %#v", got, e.err)
			}

			w := connect(t, failing(e.err))
			for call, got := range w.failures(t.Context()) {
				var unavailable *messagestore.UnavailableError
				if errors.As(e.err, &unavailable) && errors.As(got, &unavailable) && strings.HasSuffix(unavailable.Reason, e.err.Error()) {
					continue // gRPC puts the number of its attempts in front
				}
				if !reflect.DeepEqual(got, e.err) {
					t.Errorf("%s over the wire: %#v, want %#v", call, got, e.err)
				}
			}
		})
	}
}

// failing returns a Store whose calls fail with err.
func failing(err error) fakeStore {
	return fakeStore{
		status: func(context.Context) (messagestore.Status, error) { return messagestore.Status{}, err },
		read: func(_ context.Context, yield func(messagestore.Message, error) bool) {
			yield(messagestore.Message{}, err)
		},
		subscribe: func(_ context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
			yield(nil, err)
		},
	}
}

// failures makes a call of each kind and returns the errors by method.
func (w *wire) failures(ctx context.Context) map[string]error {
	failures := map[string]error{}
	_, failures["Status"] = w.Status(ctx)
	for _, err := range w.Read(ctx, messagestore.ReadRequest{}) {
		failures["Read"] = err
	}
	for _, err := range w.Subscribe(ctx, messagestore.Subscription{}) {
		failures["Subscribe"] = err
	}
	return failures
}

func TestErrors_Unknown(t *testing.T) {
	w := connect(t, failing(errors.New("the password is swordfish")))
	for call, err := range w.failures(t.Context()) {
		if !reflect.DeepEqual(err, messagestore.ErrInternal) {
			t.Errorf("%s: %#v, want ErrInternal without a text of its own", call, err)
		}
	}
	w.close(t)
	if log := w.log.String(); strings.Count(log, "swordfish") != 3 || !strings.Contains(log, "traceId=") {
		t.Errorf("the log lacks the cause or the trace id: %s", log)
	}
}

func TestErrors_UnknownStatus(t *testing.T) {
	for _, s := range []*status.Status{
		status.New(codes.Unimplemented, "what?"),
		status.New(codes.Aborted, "what?"), // of another service, without a reason
		status.New(codes.PermissionDenied, "what?"),
	} {
		err := fromStatus(s.Err())
		if !errors.Is(err, messagestore.ErrInternal) || !strings.Contains(err.Error(), "what?") {
			t.Errorf("%v is %v, want ErrInternal with its text", s, err)
		}
	}
	malformed, err := status.New(codes.OutOfRange, "what?").WithDetails(&errdetails.ErrorInfo{
		Domain: "messagestore", Reason: "AHEAD_OF_LOG", Metadata: meta{"position": "7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := fromStatus(malformed.Err()); !errors.Is(err, messagestore.ErrInternal) {
		t.Errorf("without a head_position: %v, want ErrInternal", err)
	}
	var invalid *messagestore.InvalidError
	if err := fromStatus(status.Error(codes.InvalidArgument, "what?")); !errors.As(err, &invalid) || len(invalid.Violations) != 1 {
		t.Errorf("INVALID_ARGUMENT without details is %#v", err)
	}
}

// TestErrors_Context checks the context errors of the caller and of the server.
func TestErrors_Context(t *testing.T) {
	for _, inner := range []error{context.Canceled, context.DeadlineExceeded} {
		t.Run("Server/"+inner.Error(), func(t *testing.T) {
			w := connect(t, failing(fmt.Errorf("wait: %w", inner)))
			// Clients in other languages have only the code.
			if _, err := w.service.GetStatus(t.Context(), &messagestorev1.GetStatusRequest{}); status.Code(err) != codes.Unavailable {
				t.Errorf("%v, want UNAVAILABLE", err)
			}
			for call, err := range w.failures(t.Context()) {
				var unavailable *messagestore.UnavailableError
				if !errors.As(err, &unavailable) || errors.Is(err, inner) {
					t.Errorf("%s: %v, want an *UnavailableError: the caller's context has not ended", call, err)
				}
			}
		})
	}
	waiting := fakeStore{
		status: func(ctx context.Context) (messagestore.Status, error) {
			<-ctx.Done()
			return messagestore.Status{}, ctx.Err()
		},
		read: func(ctx context.Context, yield func(messagestore.Message, error) bool) {
			<-ctx.Done()
			yield(messagestore.Message{}, ctx.Err())
		},
		subscribe: func(ctx context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
			<-ctx.Done()
			yield(nil, ctx.Err())
		},
	}
	t.Run("Caller/deadline", func(t *testing.T) {
		w := connect(t, waiting)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		for call, err := range w.failures(ctx) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want the deadline", call, err)
			}
		}
	})
	t.Run("Caller/cancel", func(t *testing.T) {
		w := connect(t, waiting)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		for call, err := range w.failures(ctx) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want the cancellation", call, err)
			}
		}
	})
}

// TestErrors_Size checks how many violations a status has, and that it fits into the
// trailers that every client accepts.
func TestErrors_Size(t *testing.T) {
	var all messagestore.InvalidError
	for i := range 1000 {
		all.Violations = append(all.Violations, messagestore.Violation{
			Field: fmt.Sprintf("messages[%d].data", i), Description: strings.Repeat("x", 60),
		})
	}
	w := connect(t, failing(&all))
	_, err := w.Status(t.Context())
	var invalid *messagestore.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	named := len(invalid.Violations) - 1
	if named < 20 || !reflect.DeepEqual(invalid.Violations[:named], all.Violations[:named]) {
		t.Errorf("%d violations arrived, want at least the first 20", named)
	}
	if last := invalid.Violations[named]; last.Description != fmt.Sprintf("and %d violations more", 1000-named) {
		t.Errorf("the last violation is %+v, want the number of the others", last)
	}
	s := status.Convert(toStatus(&all))
	if size := len(s.Message()) + proto.Size(s.Proto())*4/3; size > 7<<10 {
		t.Errorf("the trailers have %d bytes, want at most 7 KiB", size)
	}
}

// TestDetails_Bounded checks that a status fits into the trailers that every client
// accepts, whatever the number and the length of the violations.
func TestDetails_Bounded(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	var many []messagestore.Violation
	for i := range 10_000 {
		many = append(many, messagestore.Violation{Field: fmt.Sprintf("messages[%d].id", i), Description: "is required, a UUID"})
	}
	for name, violations := range map[string][]messagestore.Violation{
		"a long description": {{Field: "messages[0].data", Description: long}},
		"a long field":       {{Field: long, Description: "is wrong"}},
		"many":               many,
		"many long ones":     {{Field: long, Description: long}, {Field: long, Description: long}, {Field: long, Description: long}},
	} {
		s := status.Convert(toStatus(&messagestore.InvalidError{Violations: violations}))
		size := base64.StdEncoding.EncodedLen(proto.Size(s.Proto())) + len(url.PathEscape(s.Message()))
		if size > 8<<10 || s.Code() != codes.InvalidArgument || !utf8.ValidString(s.Message()) {
			t.Errorf("%s: %v with %d bytes, want INVALID_ARGUMENT with at most 8 KiB: %.100s", name, s.Code(), size, s.Message())
		}
		var back *messagestore.InvalidError
		if err := fromStatus(s.Err()); !errors.As(err, &back) || len(back.Violations) == 0 {
			t.Errorf("%s: the caller gets %v, want an *InvalidError", name, err)
		}
	}
}
