package components_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// A gate is a store whose writes fail, or hang, while it is shut, but for the
// first of a parcel.
type gate struct {
	messagestore.Store
	shut atomic.Bool
	hang bool
}

var errShut = &messagestore.UnavailableError{Reason: "shut"}

func (g *gate) Write(ctx context.Context, s messagestore.Stream, e messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	if g.shut.Load() && e != messagestore.None {
		if g.hang {
			<-ctx.Done()
		}
		return messagestore.Written{}, errShut
	}
	return g.Store.Write(ctx, s, e, m...)
}

func (g *gate) WriteBatch(ctx context.Context, w ...messagestore.Write) ([]messagestore.Written, error) {
	if g.shut.Load() {
		return nil, errShut
	}
	return g.Store.WriteBatch(ctx, w...)
}

// parcels posts as many.
func post(t *testing.T, store messagestore.Store, n int) {
	t.Helper()
	for range n {
		id := uuid.NewString()
		write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	}
}

// TestEffect_WaitingLosesNothing crashes while one is attempted and others wait for
// their turn: those have no attempt to lose.
func TestEffect_WaitingLosesNothing(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const many, crashes = 10, 3
	one := func(handlers components.Handler) components.Consumer {
		return components.Consumer{ID: "test", Concurrency: 1, Handlers: components.Handlers{handlers}}
	}
	post(t, store, many)
	for range crashes {
		crashing := &gate{Store: store}
		begun := make(chan struct{}, 1)
		stuck := delivering(func(ctx context.Context) error {
			crashing.shut.Store(true) // a kill, as far as the log can tell
			begun <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		stuck.Interruptible, stuck.Lease, stuck.Backoff = true, 50*time.Millisecond, []time.Duration{0, 0}
		r := run(t, crashing, one(stuck.Handler()))
		<-begun
		r.stop()
	}
	var mu sync.Mutex
	attempted := map[string]bool{}
	whole := delivering(nil)
	whole.Backoff = []time.Duration{0, 0}
	whole.Do = func(_ context.Context, m *sendemailv1.Send) ([]components.Emit, error) {
		mu.Lock()
		defer mu.Unlock()
		attempted[m.GetEmailId()] = true
		return []components.Emit{components.Event(&sendemailv1.Sent{EmailId: m.GetEmailId()})}, nil
	}
	run(t, store, one(whole.Handler())).await((*sendemailv1.Send)(nil), many)
	if len(attempted) < many-crashes {
		t.Errorf("%d of %d were attempted after %d crashes", len(attempted), many, crashes)
	}
}

// TestEffect_ShareOfTheSecond has two instances: what waits in one is done by the
// other.
func TestEffect_ShareOfTheSecond(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const many = 10
	go1, go2 := make(chan struct{}), make(chan struct{})
	instance := func(may chan struct{}) components.Consumer {
		e := delivering(func(context.Context) error { <-may; return nil })
		e.RecordWaiting = true
		return components.Consumer{ID: "test", Concurrency: 1, Handlers: components.Handlers{e.Handler()}}
	}
	post(t, store, many)
	first := run(t, store, instance(go1))
	follow(t, store, messagestore.OfCategories("sendEmail"), many) // it has heard of them all
	second := run(t, store, instance(go2))
	close(go2)
	second.await((*sendemailv1.Send)(nil), many-1) // all but the one that the first is at
	close(go1)
	first.await((*sendemailv1.Send)(nil), many)
}

// TestEffect_ReasonOfAnyBytes fails with what a foreign server may say.
func TestEffect_ReasonOfAnyBytes(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	for said, want := range map[string]string{
		"550 Bo\xeete inconnue":       "550 Bo?te inconnue",
		"550 \x00":                    "550 ?",
		strings.Repeat("very ", 1000): strings.Repeat("very ", 200) + "…",
	} {
		e := delivering(func(context.Context) error {
			return &components.PermanentError{Cause: errors.New(said)}
		})
		id := uuid.NewString()
		r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{e.Handler()}})
		write(t, store, id, "", &sendemailv1.Send{EmailId: id})
		r.await((*sendemailv1.Send)(nil), 1)
		r.stop()
		all := read(t, store, messagestore.OfStream(messagestore.Stream("sendEmail-"+id)))
		failed, err := contract.Decode[*sendemailv1.Failed](all[len(all)-1])
		if err != nil || failed.GetReason() != want {
			t.Errorf("%.20q: %q, %v, want %q", said, failed.GetReason(), err, want)
		}
	}
}

// TestEffect_LateFailure has a failure of an attempt come to the log after another
// instance has taken over: it does not end what that one does.
func TestEffect_LateFailure(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	late := &gate{Store: store}
	first := delivering(func(context.Context) error { late.shut.Store(true); return errors.New("first") })
	first.Lease, first.Backoff = 400*time.Millisecond, []time.Duration{0, 0}
	one := run(t, late, components.Consumer{ID: "test", Handlers: components.Handlers{first.Handler()}})
	post(t, store, 1)
	begun, finish := make(chan struct{}), make(chan struct{})
	second := delivering(func(ctx context.Context) error {
		close(begun)
		return closed(ctx, finish)
	})
	second.Backoff = first.Backoff
	follow(t, store, messagestore.OfCategories("sendEmail"), 1)
	run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{second.Handler()}})
	<-begun
	late.shut.Store(false)
	for text := range one.logged { // it notices
		if strings.Contains(text, "not handled") {
			break
		}
	}
	close(finish)
	one.await((*sendemailv1.Send)(nil), 1)
	got := types(t, store, messagestore.OfCategories("sendEmail"))
	if got[len(got)-1] != "Sent" || strings.Contains(strings.Join(got, " "), "Failed") {
		t.Errorf("parcel: %v, want it sent by the second", got)
	}
}

// TestEffect_HangingStore has the store hang for an instance: it ends what it does
// when its lease is over.
func TestEffect_HangingStore(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	hanging := &gate{Store: store, hang: true}
	ended := make(chan time.Time, 1)
	e := delivering(func(ctx context.Context) error {
		hanging.shut.Store(true)
		<-ctx.Done()
		ended <- time.Now()
		return ctx.Err()
	})
	e.Lease = 400 * time.Millisecond
	run(t, hanging, components.Consumer{ID: "test", Handlers: components.Handlers{e.Handler()}})
	post(t, store, 1)
	first := follow(t, store, messagestore.OfCategories("sendEmail"), 1)[0]
	if _, until := attempt(t, first); (<-ended).Sub(until) > 2*time.Second {
		t.Errorf("it went on for long after %v", until)
	}
	hanging.shut.Store(false)
}

// TestEffect_DoneAtAStop does it in spite of a stop: it is not done again.
func TestEffect_DoneAtAStop(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	begun := make(chan struct{})
	e := delivering(func(ctx context.Context) error { close(begun); <-ctx.Done(); return nil })
	e.Interruptible = true
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{e.Handler()}})
	post(t, store, 1)
	<-begun
	r.stop()
	want(t, "parcel", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttempted", "Sent")
}
