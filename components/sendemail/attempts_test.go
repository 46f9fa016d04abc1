package sendemail

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A fakeTransport calls send with the number of the call, from 1.
type fakeTransport struct {
	send  func(ctx context.Context, call int32) error
	calls atomic.Int32
}

func (*fakeTransport) From() string { return from }

func (f *fakeTransport) Send(ctx context.Context, _ *sendemailv1.Send) error {
	return f.send(ctx, f.calls.Add(1))
}

// start runs the component with short pauses, until stop is called or the test ends.
func start(t *testing.T, store messagestore.Store, transport Transport, timeout time.Duration) (stop func()) {
	t.Helper()
	backoff := slices.Repeat([]time.Duration{time.Millisecond}, len(backoff()))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	runner, err := components.New(store, nil, log, consumers(transport, timeout, 2*timeout, backoff)...)
	if err != nil {
		t.Fatal(err)
	}
	return running.Start(t, runner.Run)
}

// send writes a Send of the letter.
func send(t *testing.T, store messagestore.Store) {
	t.Helper()
	data, err := contract.Marshal(letter())
	if err != nil {
		t.Fatal(err)
	}
	command := messagestore.NewMessage{ID: uuid.NewString(), Type: "Send", Data: data}
	if _, err := store.Write(t.Context(), messagestore.Stream("sendEmail:command-"+letter().GetEmailId()), messagestore.Any, command); err != nil {
		t.Fatal(err)
	}
}

// expect waits for the Sent or Failed of the letter, and checks the types of its events.
// It returns the events.
func expect(t *testing.T, store messagestore.Store, want ...string) (events []messagestore.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), running.Patience)
	defer cancel()
	var types []string
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfCategories("sendEmail")}) {
		if err != nil {
			t.Fatalf("events are %v, want %v: %v", types, want, err)
		}
		messages, _ := event.(messagestore.Messages)
		for _, m := range messages {
			events, types = append(events, m), append(types, m.Type)
		}
		if slices.Contains(types, "Sent") || slices.Contains(types, "Failed") {
			break
		}
	}
	if !slices.Equal(types, want) {
		t.Errorf("events are %v, want %v", types, want)
	}
	return events
}

var errBusy = errors.New("busy")

func TestSend_SecondAttempt(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	start(t, store, &fakeTransport{send: func(_ context.Context, call int32) error {
		if call == 1 {
			return errBusy
		}
		return nil
	}}, time.Minute)
	send(t, store)
	expect(t, store, "SendAttempted", "SendAttemptFailed", "SendAttempted", "Sent")
}

// A mail fails after five attempts, and repeating the command has no effect.
func TestSend_GivesUpAfterFive_D14(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	transport := &fakeTransport{send: func(context.Context, int32) error { return errBusy }}
	stop := start(t, store, transport, time.Minute)
	send(t, store)
	send(t, store)
	failed := []string{"SendAttempted", "SendAttemptFailed"}
	expect(t, store, append(slices.Repeat(failed, 4), "SendAttempted", "Failed")...)
	stop()
	if calls := transport.calls.Load(); calls != 5 {
		t.Errorf("%d attempts, want 5", calls)
	}
}

// An attempt that hangs fails after its timeout. The lease, twice as long, leaves a busy
// machine enough time to record that.
func TestSend_Timeout(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	start(t, store, &fakeTransport{send: func(ctx context.Context, call int32) error {
		if call == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}, 2*time.Second)
	send(t, store)
	expect(t, store, "SendAttempted", "SendAttemptFailed", "SendAttempted", "Sent")
}

// After a crash between the mail and its Sent, another instance sends the mail again, but
// not before the lease has expired.
func TestSend_Crash(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	sent := make(chan struct{}, 1)
	stop := start(t, failingStore{store, &atomic.Bool{}}, &fakeTransport{send: func(context.Context, int32) error {
		sent <- struct{}{}
		return nil
	}}, time.Second)
	send(t, store)
	running.Receive(t, "the first mail", sent)
	start(t, store, &fakeTransport{send: func(context.Context, int32) error { return nil }}, time.Second)
	attempts := expect(t, store, "SendAttempted", "SendAttempted", "Sent")
	stop()
	first, err := contract.Decode[*sendemailv1.SendAttempted](attempts[0])
	if err != nil {
		t.Fatal(err)
	}
	if until := first.GetUntil().AsTime(); attempts[1].Time.Before(until) {
		t.Errorf("attempted again at %v, before %v", attempts[1].Time, until)
	}
}

// A failingStore stores the start of one attempt, and then fails every write.
type failingStore struct {
	messagestore.Store
	started *atomic.Bool
}

func (s failingStore) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	if strings.HasPrefix(string(stream), "sendEmail-") && s.started.Swap(true) {
		return messagestore.Written{}, &messagestore.UnavailableError{Reason: "crash"}
	}
	return s.Store.Write(ctx, stream, expected, messages...)
}

func (failingStore) WriteBatch(context.Context, ...messagestore.Write) ([]messagestore.Written, error) {
	return nil, &messagestore.UnavailableError{Reason: "crash"}
}
