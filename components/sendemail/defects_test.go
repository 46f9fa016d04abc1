package sendemail

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"videotutorials/components"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// The suffixes of the tests, as _D1, are the numbers of defects in internal/check/defects.

// An unavailable store is not a failure of the mail; a rejection by the mail server is.
func TestInfrastructure_D10(t *testing.T) {
	t.Parallel()
	t.Run("Unavailable", func(t *testing.T) {
		t.Parallel()
		store := unavailable{teststore.New(t), &atomic.Int32{}, &atomic.Int32{}}
		transport := &fakeTransport{send: func(context.Context, int32) error { return nil }}
		stop := start(t, store, transport, time.Minute)
		send(t, store)
		expect(t, store, "SendAttempted", "Sent")
		stop()
		if calls := transport.calls.Load(); calls != 1 {
			t.Errorf("%d attempts, want 1", calls)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		t.Parallel()
		store := teststore.New(t)
		start(t, store, &fakeTransport{send: func(context.Context, int32) error {
			return &components.PermanentError{Cause: errBusy}
		}}, time.Minute)
		send(t, store)
		expect(t, store, "SendAttempted", "Failed")
	})
}

// An unavailable store fails the first reads and the first batches.
type unavailable struct {
	messagestore.Store
	reads, writes *atomic.Int32
}

const failures = 2

func (s unavailable) Read(ctx context.Context, r messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	if s.reads.Add(1) <= failures {
		return func(yield func(messagestore.Message, error) bool) {
			yield(messagestore.Message{}, &messagestore.UnavailableError{Reason: "reads fail"})
		}
	}
	return s.Store.Read(ctx, r)
}

func (s unavailable) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	if s.writes.Add(1) <= failures {
		return nil, &messagestore.UnavailableError{Reason: "writes fail"}
	}
	return s.Store.WriteBatch(ctx, writes...)
}
