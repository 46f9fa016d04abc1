package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

// Each error has its code, its HTTP status and its detail; internal errors are hidden.
func TestWriteError(t *testing.T) {
	t.Parallel()
	key := uuid.New()
	keyed, plain := &call.Request{Key: &key}, &call.Request{}
	conflict := &messagestore.IDConflictError{ID: "1", StoredStream: "viewing-1"}
	for name, c := range map[string]struct {
		request    *call.Request
		err        error
		code       codes.Code
		http       int
		retryAfter string
		detail     string
	}{
		"Invalid":            {plain, call.Invalid("videoId", "is bad"), codes.InvalidArgument, 400, "", "google.rpc.BadRequest"},
		"KeyReused":          {keyed, conflict, codes.AlreadyExists, 409, "", "google.rpc.ErrorInfo"},
		"ConflictWithoutKey": {plain, conflict, codes.Internal, 500, "", ""},
		"Exhausted":          {plain, &messagestore.ExhaustedError{RetryAfter: 1200 * time.Millisecond, Reason: "queue full"}, codes.ResourceExhausted, 429, "2", "google.rpc.RetryInfo"},
		"ExhaustedBriefly":   {plain, &messagestore.ExhaustedError{RetryAfter: time.Millisecond, Reason: "queue full"}, codes.ResourceExhausted, 429, "1", "google.rpc.RetryInfo"},
		"ExhaustedNoTime":    {plain, &messagestore.ExhaustedError{Reason: "queue full"}, codes.ResourceExhausted, 429, "1", "google.rpc.RetryInfo"},
		"Unavailable":        {plain, &messagestore.UnavailableError{Reason: "away"}, codes.Unavailable, 503, "", ""},
		"NotReady":           {plain, &viewdata.NotReadyError{Cause: io.EOF}, codes.Unavailable, 503, "", ""},
		"BadPage":            {plain, &viewdata.InvalidError{Field: "pageToken", Description: "is bad"}, codes.InvalidArgument, 400, "", "google.rpc.BadRequest"},
		"NotFound":           {plain, viewdata.ErrNotFound, codes.NotFound, 404, "", ""},
		"NoSession":          {plain, call.ErrNoSession, codes.Unauthenticated, 401, "", ""},
		"SessionOver":        {plain, call.ErrSessionOver, codes.Unauthenticated, 401, "", ""},
		"Known":              {plain, &call.Error{Code: codes.Aborted, Message: "known"}, codes.Aborted, 409, "", ""},
		"NotAdmin":           {plain, call.ErrNotAdmin, codes.PermissionDenied, 403, "", ""},
		"VersionConflict":    {keyed, &messagestore.VersionConflictError{Stream: "secret-1"}, codes.Internal, 500, "", ""},
		"StoreNotFound":      {plain, messagestore.ErrNotFound, codes.Internal, 500, "", ""},
		"Deadline":           {plain, context.DeadlineExceeded, codes.DeadlineExceeded, 504, "", ""},
		"Canceled":           {plain, context.Canceled, codes.Canceled, 499, "", ""},
		"OursInvalid":        {plain, &messagestore.InvalidError{Violations: []messagestore.Violation{{Field: "messages[0].id"}}}, codes.Internal, 500, "", ""},
		"OursNotOwner":       {plain, &messagestore.NotOwnerError{Category: "viewing", Owner: "x"}, codes.Internal, 500, "", ""},
		"OurCertificate":     {plain, messagestore.ErrUnauthenticated, codes.Internal, 500, "", ""},
		"Internal":           {plain, messagestore.ErrInternal, codes.Internal, 500, "", ""},
		"StatusFromBelow":    {plain, fmt.Errorf("below: %w", status.Error(codes.NotFound, "secret")), codes.Internal, 500, "", ""},
		"Unknown":            {plain, errors.New("secret"), codes.Internal, 500, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
				s := status.Convert(call.Translate(c.request, err))
				if s.Code() != c.code {
					t.Errorf("code of %v is %v, want %v", err, s.Code(), c.code)
				}
				if c.code == codes.Internal && s.Message() != "internal error" {
					t.Errorf("the caller gets %q", s.Message())
				}
				w := httptest.NewRecorder()
				WriteError(w, runtime.HTTPStatusFromCode(s.Code()), s)
				if w.Code != c.http || w.Header().Get("Retry-After") != c.retryAfter {
					t.Errorf("answer is %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
				}
				if got := detailOf(t, w.Body.Bytes()); got != c.detail {
					t.Errorf("detail is %q, want %q", got, c.detail)
				}
			}
		})
	}
	if err := call.Translate(plain, nil); err != nil {
		t.Errorf("nil is %v", err)
	}
}

// detailOf returns the type of the only detail of a status, or "".
func detailOf(t *testing.T, body []byte) string {
	t.Helper()
	var s struct {
		Details []struct {
			Type string `json:"@type"`
		}
	}
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if len(s.Details) == 0 {
		return ""
	}
	return s.Details[0].Type[len("type.googleapis.com/"):]
}
