package rpc

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// TestClient_SilentThenRefused: what a silent server does with the call nobody
// knows, unless what the next one says holds for ever.
func TestClient_SilentThenRefused(t *testing.T) {
	conflict := func(expected, actual messagestore.Version) error {
		return &messagestore.VersionConflictError{Stream: "a-1", Expected: expected, Actual: actual}
	}
	for _, test := range []struct {
		refusal error
		settles bool
	}{
		{&messagestore.ExhaustedError{Reason: "the queue is full", RetryAfter: retryAfter}, false},
		{conflict(messagestore.Exists, messagestore.None), false},
		{conflict(7, 5), false},
		{conflict(5, 7), true},
		{conflict(messagestore.None, 0), true},
		{messagestore.ErrNotFound, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			f := newFleet(func(ctx context.Context) error {
				if calls.Add(1) == 1 {
					<-ctx.Done()
					return ctx.Err()
				}
				return test.refusal
			}, "a", "b")
			client := f.dial(t)
			_, err := client.Status(t.Context())
			if !test.settles {
				isUnavailable(t, err)
			} else if !reflect.DeepEqual(err, test.refusal) {
				t.Errorf("%v, want %v", err, test.refusal)
			}
			if n := calls.Load(); n != 2 {
				t.Errorf("%d calls, expected 2", n)
			}
			f.close(t, client)
		})
	}
}

// TestClient_Arrive: so it is of a write that went with others.
func TestClient_Arrive(t *testing.T) {
	t.Parallel()
	exists := toStatus(&messagestore.VersionConflictError{Stream: "a-1", Expected: messagestore.Exists, Actual: messagestore.None})
	passed := toStatus(&messagestore.VersionConflictError{Stream: "a-1", Expected: 5, Actual: 7})
	for name, test := range map[string]struct {
		refusal error
		unknown bool
		want    codes.Code
	}{
		"known":            {exists, false, codes.Aborted},
		"unknown":          {exists, true, codes.Unavailable},
		"passed":           {passed, true, codes.Aborted},
		"no room, unknown": {exhausted("the queue is full"), true, codes.Unavailable},
	} {
		w := &passenger{done: make(chan arrival, 1)}
		w.done <- arrival{unknown: test.unknown, result: &messagestorev1.WriteResult{
			Result: &messagestorev1.WriteResult_Error{Error: status.Convert(test.refusal).Proto()},
		}}
		if _, err := (&Client{}).arrive(t.Context(), w); status.Code(err) != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
