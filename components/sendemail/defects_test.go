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

// TestInfrastructure_D10 has the store fail, first to be read and then to be
// written: that is no failure of the mail. One that is refused is.
func TestInfrastructure_D10(t *testing.T) {
	t.Parallel()
	t.Run("Away", func(t *testing.T) {
		t.Parallel()
		store := away{teststore.New(t), &atomic.Int32{}, &atomic.Int32{}}
		tr := &transport{script: func(context.Context, int) error { return nil }}
		stop := brisk(t, store, tr, time.Minute)
		send(t, store)
		want(t, outcome(t, store), "SendAttempted", "Sent")
		stop()
		if tr.calls != 1 {
			t.Errorf("%d attempts, want 1", tr.calls)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		t.Parallel()
		store := teststore.New(t)
		brisk(t, store, &transport{script: func(context.Context, int) error {
			return &components.PermanentError{Cause: errBusy}
		}}, time.Minute)
		send(t, store)
		want(t, outcome(t, store), "SendAttempted", "Failed")
	})
}

// outcome returns the types of the mail's events, up to the one that settles it.
func outcome(t *testing.T, store messagestore.Store) (types []string) {
	t.Helper()
	subscription := messagestore.Subscription{Source: messagestore.OfCategories("sendEmail")}
	for event, err := range store.Subscribe(t.Context(), subscription) {
		if err != nil {
			t.Fatal(err)
		}
		messages, _ := event.(messagestore.Messages)
		for _, m := range messages {
			if types = append(types, m.Type); m.Type == "Sent" || m.Type == "Failed" {
				return types
			}
		}
	}
	return types
}

// away is a store whose first reads of the mail, and first writes, fail.
type away struct {
	messagestore.Store
	reads, writes *atomic.Int32
}

const failures = 2

func (s away) Read(ctx context.Context, r messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	if s.reads.Add(1) <= failures {
		return func(yield func(messagestore.Message, error) bool) {
			yield(messagestore.Message{}, &messagestore.UnavailableError{Reason: "reads fail"})
		}
	}
	return s.Store.Read(ctx, r)
}

func (s away) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	if s.writes.Add(1) <= failures {
		return nil, &messagestore.UnavailableError{Reason: "writes fail"}
	}
	return s.Store.WriteBatch(ctx, writes...)
}
