package components_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// attempt is what an event says of an attempt.
func attempt(t *testing.T, m messagestore.Message) (n int32, until time.Time) {
	t.Helper()
	said, err := contract.Decode[*sendemailv1.SendAttempted](m)
	if err != nil {
		t.Fatal(err)
	}
	return said.GetAttempt(), said.GetUntil().AsTime()
}

// TestEffect_GoesOn has an attempt take longer than its lease: no other instance
// takes it up.
func TestEffect_GoesOn(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	finish := make(chan struct{})
	long := delivering(func(ctx context.Context) error { return closed(ctx, finish) })
	long.Lease = time.Second
	one := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{long.Handler()}})
	two := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{long.Handler()}})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	// Each is said for twice as long as the one before.
	said := follow(t, store, messagestore.OfCategories("sendEmail"), 4)
	for i, m := range said {
		if n, until := attempt(t, m); n != 1 || until.Sub(m.Time) > long.Lease<<i+time.Second {
			t.Errorf("%d: attempt %d until %v after it was said", i, n, until.Sub(m.Time))
		}
	}
	close(finish)
	one.await((*sendemailv1.Send)(nil), 1)
	two.await((*sendemailv1.Send)(nil), 1)
	all := read(t, store, messagestore.OfCategories("sendEmail"))
	if got := count(all, (*sendemailv1.Sent)(nil)); got != 1 {
		t.Errorf("%d Sent, want 1", got)
	}
	for _, m := range all[:len(all)-1] {
		if n, _ := attempt(t, m); n != 1 {
			t.Errorf("attempt %d, want the first alone", n)
		}
	}
}

// TestEffect_SlowToSay has the store answer late that the attempt is made: its time
// counts from when it was said.
func TestEffect_SlowToSay(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	finish := make(chan struct{})
	long := delivering(func(ctx context.Context) error { return closed(ctx, finish) })
	long.Lease = 6 * time.Second
	r := run(t, late{store, long.Lease / 2}, components.Consumer{ID: "test", Handlers: components.Handlers{long.Handler()}})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	said := follow(t, store, messagestore.OfCategories("sendEmail"), 2)
	if _, until := attempt(t, said[0]); said[1].Time.After(until) {
		t.Errorf("said again %v after another one may begin", said[1].Time.Sub(until))
	}
	close(finish)
	r.await((*sendemailv1.Send)(nil), 1)
}

// late is a store that answers a Write late.
type late struct {
	messagestore.Store
	by time.Duration
}

func (s late) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	written, err := s.Store.Write(ctx, stream, expected, messages...)
	if stream.Category() == "sendEmail" {
		time.Sleep(s.by)
	}
	return written, err
}

// TestEffect_HandedBack stops an instance in the middle: another one begins the
// same attempt at once.
func TestEffect_HandedBack(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	begun := make(chan struct{})
	broken := delivering(func(ctx context.Context) error { close(begun); <-ctx.Done(); return ctx.Err() })
	broken.Interruptible, broken.Timeout = true, time.Hour
	one := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{broken.Handler()}})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	<-begun
	one.stop()
	whole := delivering(func(context.Context) error { return nil })
	whole.Timeout = time.Hour
	two := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{whole.Handler()}})
	two.await((*sendemailv1.Send)(nil), 1)
	all := read(t, store, messagestore.OfCategories("sendEmail"))
	want(t, "parcel", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttempted", "SendAttempted", "SendAttempted", "Sent")
	for i, m := range all[:3] {
		if n, until := attempt(t, m); n != 1 || until.IsZero() != (i == 1) {
			t.Errorf("%d: attempt %d until %v", i, n, until)
		}
	}
}

// TestEffect_TakenOver takes an attempt over whose instance was not heard of in
// time: what it does ends.
func TestEffect_TakenOver(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	begun, ended := make(chan struct{}, 2), make(chan struct{})
	slow := delivering(func(ctx context.Context) error {
		begun <- struct{}{}
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	})
	slow.Lease, slow.Backoff = 100*time.Millisecond, []time.Duration{time.Millisecond}
	run(t, mute{store}, components.Consumer{ID: "test", Handlers: components.Handlers{slow.Handler()}})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	<-begun
	quick := delivering(func(context.Context) error { return nil })
	quick.Backoff = slow.Backoff
	two := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{quick.Handler()}})
	two.await((*sendemailv1.Send)(nil), 1)
	<-ended
	want(t, "parcel", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttempted", "SendAttempted", "Sent")
}

// mute is a store to which the instance can say that an attempt begins, and
// nothing of it later.
type mute struct{ messagestore.Store }

func (s mute) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	if stream.Category() == "sendEmail" && expected != messagestore.None {
		return messagestore.Written{}, &messagestore.UnavailableError{Reason: "mute"}
	}
	return s.Store.Write(ctx, stream, expected, messages...)
}

// TestEffect_Refused refuses a message: no attempt is made, and delivered again it
// is as it was.
func TestEffect_Refused(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	effect := delivering(func(context.Context) error { return errors.New("attempted") })
	effect.Reject = func(parcel, *sendemailv1.Send) []components.Emit {
		return []components.Emit{components.Event(&sendemailv1.SendAttemptFailed{EmailId: id, Reason: "refused"})}
	}
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	for range 2 {
		r := run(t, elsewhere{store}, components.Consumer{ID: "test", Handlers: components.Handlers{effect.Handler()}})
		r.await((*sendemailv1.Send)(nil), 1)
		r.stop()
	}
	want(t, "parcel", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttemptFailed")
}

// follow returns the first n messages of the source, when they are there.
func follow(t *testing.T, store messagestore.Store, source messagestore.Source, n int) (messages []messagestore.Message) {
	t.Helper()
	for event, err := range store.Subscribe(t.Context(), messagestore.Subscription{Source: source}) {
		if err != nil {
			t.Fatal(err)
		}
		if more, ok := event.(messagestore.Messages); ok {
			messages = append(messages, more...)
		}
		if len(messages) >= n {
			break
		}
	}
	return messages[:n]
}
