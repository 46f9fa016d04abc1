package rpc

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
)

// unansweredThenRefused are rejections of a second server, and whether they are the
// outcome of the call although the first server did not answer.
var unansweredThenRefused = []struct {
	name      string
	rejection error
	final     bool
}{
	{"Exhausted", &messagestore.ExhaustedError{Reason: "the queue is full", RetryAfter: retryAfter}, false},
	{"StreamAbsent", &messagestore.VersionConflictError{Stream: "a-1", Expected: messagestore.Exists, Actual: messagestore.None}, false},
	{"VersionAhead", &messagestore.VersionConflictError{Stream: "a-1", Expected: 7, Actual: 5}, false},
	{"VersionPassed", &messagestore.VersionConflictError{Stream: "a-1", Expected: 5, Actual: 7}, true},
	{"StreamPresent", &messagestore.VersionConflictError{Stream: "a-1", Expected: messagestore.None, Actual: 0}, true},
	{"NotFound", messagestore.ErrNotFound, true},
}

// TestClient_UnansweredThenRefused checks that a rejection is the outcome of a call
// only if an unanswered attempt cannot take effect any more.
func TestClient_UnansweredThenRefused(t *testing.T) {
	for _, test := range unansweredThenRefused {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				f := newFleet(func(ctx context.Context) error {
					if calls.Add(1) == 1 {
						<-ctx.Done()
						return ctx.Err()
					}
					return test.rejection
				}, "a", "b")
				client := f.dial(t)
				_, err := client.Status(t.Context())
				checkOutcome(t, err, test.rejection, test.final)
				if n := calls.Load(); n != 2 {
					t.Errorf("%d calls, want 2", n)
				}
				f.close(t, client)
			})
		})
	}
}

// TestClient_BatchUnansweredThenRefused checks the same for a write whose batch was
// not answered, or of which the answer was UNAVAILABLE.
func TestClient_BatchUnansweredThenRefused(t *testing.T) {
	unanswered := writeResult{err: status.Error(codes.DeadlineExceeded, "no answer"), callError: true}
	for name, first := range map[string]writeResult{
		"Unanswered":  unanswered,
		"Unavailable": {err: status.Error(codes.Unavailable, "the store is stopping")},
		"Answered":    {},
	} {
		for _, test := range unansweredThenRefused {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				w := connect(t, fakeStore{write: func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error) {
					return messagestore.Written{}, test.rejection
				}})
				pending := newPendingWrite(t.Context(), toWrite(messagestore.Write{Stream: "a-1", Expected: messagestore.Any}))
				result, final := first, test.final
				if name == "Answered" {
					result, final = writeResult{err: toStatus(test.rejection)}, true
				}
				pending.done <- result
				_, err := w.await(t.Context(), pending)
				checkOutcome(t, err, test.rejection, final)
			})
		}
	}
}

func checkOutcome(t *testing.T, err, rejection error, final bool) {
	t.Helper()
	if !final {
		isUnavailable(t, err)
	} else if !errors.Is(err, rejection) && !reflect.DeepEqual(err, rejection) {
		t.Errorf("%v, want %v", err, rejection)
	}
}
