package sendemail

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A scripted transport does what the test says.
type scripted func(ctx context.Context, attempt int) error

type transport struct {
	script scripted
	mu     sync.Mutex
	calls  int
}

func (*transport) From() string { return from }

func (s *transport) Send(ctx context.Context, _ *sendemailv1.Send) error {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	return s.script(ctx, n)
}

// brisk runs the component with short times, until stop is called or the test
// ends.
func brisk(t *testing.T, store messagestore.Store, transport Transport, timeout time.Duration) (stop func()) {
	t.Helper()
	backoff := slices.Repeat([]time.Duration{time.Millisecond}, len(backoff()))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	runner, err := components.New(store, nil, log, consumers(transport, timeout, 2*timeout, backoff)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

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

// await returns the types of the mail's events, up to the one of the type.
func await(t *testing.T, store messagestore.Store, last string) (types []string) {
	t.Helper()
	subscription := messagestore.Subscription{Source: messagestore.OfStream(messagestore.Stream("sendEmail-" + letter().GetEmailId()))}
	for event, err := range store.Subscribe(t.Context(), subscription) {
		if err != nil {
			t.Fatal(err)
		}
		messages, _ := event.(messagestore.Messages)
		for _, m := range messages {
			if types = append(types, m.Type); m.Type == last {
				return types
			}
		}
	}
	return types
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("mail: %v, want %v", got, want)
	}
}

var errBusy = errors.New("busy")

func TestSend_SecondAttempt(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	brisk(t, store, &transport{script: func(_ context.Context, n int) error {
		if n == 1 {
			return errBusy
		}
		return nil
	}}, time.Minute)
	send(t, store)
	want(t, await(t, store, "Sent"), "SendAttempted", "SendAttemptFailed", "SendAttempted", "Sent")
}

func TestSend_GivesUpAfterFive_D14(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	tr := &transport{script: func(context.Context, int) error { return errBusy }}
	stop := brisk(t, store, tr, time.Minute)
	send(t, store)
	send(t, store)
	failed := []string{"SendAttempted", "SendAttemptFailed"}
	want(t, await(t, store, "Failed"), append(slices.Repeat(failed, 4), "SendAttempted", "Failed")...)
	stop()
	if tr.calls != 5 {
		t.Errorf("%d attempts, want 5", tr.calls)
	}
}

// TestSend_TakesTooLong has the first attempt hang until its time is over: a time
// of which a busy machine does not need the half to write what came of it, else the
// attempt is taken for lost.
func TestSend_TakesTooLong(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	brisk(t, store, &transport{script: func(ctx context.Context, n int) error {
		if n == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}, 2*time.Second)
	send(t, store)
	want(t, await(t, store, "Sent"), "SendAttempted", "SendAttemptFailed", "SendAttempted", "Sent")
}

// TestSend_Crash loses what came of attempts, as a crash between the mail and its
// Sent does: another instance sends it again, after until and not before.
func TestSend_Crash(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	sent := make(chan struct{}, 1)
	crash := brisk(t, dying{store, &atomic.Bool{}}, &transport{script: func(context.Context, int) error {
		sent <- struct{}{}
		return nil
	}}, time.Second)
	send(t, store)
	<-sent
	brisk(t, store, &transport{script: func(context.Context, int) error { return nil }}, time.Second)
	want(t, await(t, store, "Sent"), "SendAttempted", "SendAttempted", "Sent")
	crash()
	var attempts []messagestore.Message
	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfCategories("sendEmail")}) {
		if err != nil {
			t.Fatal(err)
		}
		attempts = append(attempts, m)
	}
	first, err := contract.Decode[*sendemailv1.SendAttempted](attempts[0])
	if err != nil {
		t.Fatal(err)
	}
	if until := first.GetUntil().AsTime(); attempts[1].Time.Before(until) {
		t.Errorf("attempted again at %v, before %v", attempts[1].Time, until)
	}
}

// dying is a store to which the instance can begin an attempt, and no more.
type dying struct {
	messagestore.Store
	begun *atomic.Bool
}

func (d dying) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	if strings.HasPrefix(string(stream), "sendEmail-") && d.begun.Swap(true) {
		return messagestore.Written{}, &messagestore.UnavailableError{Reason: "dying"}
	}
	return d.Store.Write(ctx, stream, expected, messages...)
}

func (dying) WriteBatch(context.Context, ...messagestore.Write) ([]messagestore.Written, error) {
	return nil, &messagestore.UnavailableError{Reason: "dying"}
}
