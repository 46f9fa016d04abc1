package components_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"videotutorials/components"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// A gate is a store whose writes fail, or hang, while it is shut. While it is mute only
// later writes of an entity fail: those that renew a lease.
type gate struct {
	messagestore.Store
	shut atomic.Bool
	mute bool
	hang bool
}

func (g *gate) Write(ctx context.Context, s messagestore.Stream, e messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	if (g.shut.Load() || g.mute) && s.Category() == "sendEmail" && e != messagestore.None {
		if g.hang {
			<-ctx.Done()
		}
		return messagestore.Written{}, &messagestore.UnavailableError{Reason: "shut"}
	}
	return g.Store.Write(ctx, s, e, m...)
}

func (g *gate) WriteBatch(ctx context.Context, w ...messagestore.Write) ([]messagestore.Written, error) {
	if g.shut.Load() {
		return nil, &messagestore.UnavailableError{Reason: "shut"}
	}
	return g.Store.WriteBatch(ctx, w...)
}

// An attempt that takes longer than its lease is not taken over. Each renewal doubles the
// lease.
func TestEffect_RenewsLease(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	started, finish := make(chan struct{}, 2), make(chan struct{})
	long := delivery(blocked(started, finish))
	long.Lease = time.Second
	one, two := perform(t, store, long), perform(t, store, long)
	post(t, store, 1)
	for i, m := range follow(t, store, 4) {
		if n, until := attempt(t, m); n != 1 || until.Sub(m.Time) > long.Lease<<i+time.Second {
			t.Errorf("event %d: attempt %d with a lease of %v", i, n, until.Sub(m.Time))
		}
	}
	close(finish)
	one.await((*sendemailv1.Send)(nil), 1)
	two.await((*sendemailv1.Send)(nil), 1)
	all := read(t, store, parcelEvents)
	if got := count(all, (*sendemailv1.Sent)(nil)); got != 1 {
		t.Errorf("%d Sent, want 1", got)
	}
	for _, m := range all[:len(all)-1] {
		if n, _ := attempt(t, m); n != 1 {
			t.Errorf("attempt %d, want only the first", n)
		}
	}
}

// A lease counts from when its event was made, not from when the store has answered.
func TestEffect_SlowStore(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	started, finish := make(chan struct{}, 1), make(chan struct{})
	long := delivery(blocked(started, finish))
	long.Lease = 6 * time.Second
	r := perform(t, late{store, long.Lease / 2}, long)
	post(t, store, 1)
	events := follow(t, store, 2)
	if _, until := attempt(t, events[0]); events[1].Time.After(until) {
		t.Errorf("renewed %v after the lease expired", events[1].Time.Sub(until))
	}
	close(finish)
	r.await((*sendemailv1.Send)(nil), 1)
}

// late is a store that answers writes late.
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

// An instance that stops hands its attempt back: another one repeats it at once.
func TestEffect_HandedBack(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	started := make(chan struct{}, 1)
	interrupted := delivery(blocked(started, nil))
	interrupted.Interruptible, interrupted.Timeout = true, time.Hour
	one := perform(t, store, interrupted)
	post(t, store, 1)
	running.Receive(t, "an attempt", started)
	one.stop()
	whole := delivery(succeed)
	whole.Timeout = time.Hour
	perform(t, store, whole).await((*sendemailv1.Send)(nil), 1)
	wantParcel(t, store, "SendAttempted", "SendAttempted", "SendAttempted", "Sent")
	for i, m := range read(t, store, parcelEvents)[:3] {
		if n, until := attempt(t, m); n != 1 || until.IsZero() != (i == 1) {
			t.Errorf("event %d: attempt %d until %v", i, n, until)
		}
	}
}

// An attempt that succeeds although the instance stops is recorded, not repeated.
func TestEffect_SucceedsDuringStop(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	started := make(chan struct{}, 1)
	e := delivery(func(ctx context.Context) error { started <- struct{}{}; <-ctx.Done(); return nil })
	e.Interruptible = true
	r := perform(t, store, e)
	post(t, store, 1)
	running.Receive(t, "an attempt", started)
	r.stop()
	wantParcel(t, store, "SendAttempted", "Sent")
}

// An instance that cannot renew its lease loses the attempt to another one, and its Do
// ends.
func TestEffect_TakenOver(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	started, ended := make(chan struct{}, 2), make(chan struct{})
	slow := delivery(func(ctx context.Context) error {
		started <- struct{}{}
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	})
	slow.Lease, slow.Backoff = 100*time.Millisecond, []time.Duration{time.Millisecond}
	perform(t, &gate{Store: store, mute: true}, slow)
	post(t, store, 1)
	running.Receive(t, "the first attempt", started)
	quick := delivery(succeed)
	quick.Backoff = slow.Backoff
	perform(t, store, quick).await((*sendemailv1.Send)(nil), 1)
	running.Receive(t, "the end of the first attempt", ended)
	wantParcel(t, store, "SendAttempted", "SendAttempted", "Sent")
}

// If the writes of an instance hang, its Do ends when the lease expires.
func TestEffect_HangingStore(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	hanging := &gate{Store: store, hang: true}
	ended := make(chan time.Time, 1)
	e := delivery(func(ctx context.Context) error {
		hanging.shut.Store(true)
		<-ctx.Done()
		ended <- time.Now()
		return ctx.Err()
	})
	e.Lease = 400 * time.Millisecond
	perform(t, hanging, e)
	post(t, store, 1)
	_, until := attempt(t, follow(t, store, 1)[0])
	if late := running.Receive(t, "the end of the attempt", ended).Sub(until); late > 2*time.Second {
		t.Errorf("the attempt went on for %v after its lease", late)
	}
	hanging.shut.Store(false)
}

// A failure that is recorded late does not end the attempt of the instance that has taken
// over.
func TestEffect_LateFailure(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	shut := &gate{Store: store}
	first := delivery(func(context.Context) error { shut.shut.Store(true); return errors.New("first") })
	first.Lease, first.Backoff = 400*time.Millisecond, []time.Duration{0, 0}
	one := perform(t, shut, first)
	post(t, store, 1)
	started, finish := make(chan struct{}, 1), make(chan struct{})
	second := delivery(blocked(started, finish))
	second.Backoff = first.Backoff
	follow(t, store, 1)
	perform(t, store, second)
	running.Receive(t, "the second attempt", started)
	shut.shut.Store(false)
	for !strings.Contains(running.Receive(t, "the first instance to lose its lease", one.logged), "not handled") {
	}
	close(finish)
	one.await((*sendemailv1.Send)(nil), 1)
	got := types(t, store, parcelEvents)
	if got[len(got)-1] != "Sent" || slices.Contains(got, "Failed") || slices.Contains(got, "SendAttemptFailed") {
		t.Errorf("parcel: %v, want it sent by the second", got)
	}
}

// Effects that wait use up no attempts when the instance crashes.
func TestEffect_WaitingLosesNoAttempt(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const many, crashes = 10, 3
	backoff := []time.Duration{0, 0}
	post(t, store, many)
	for range crashes {
		crashing := &gate{Store: store}
		started := make(chan struct{}, 1)
		stuck := delivery(func(ctx context.Context) error {
			crashing.shut.Store(true) // to the log this looks like a kill
			started <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		stuck.Interruptible, stuck.Lease, stuck.Backoff = true, 50*time.Millisecond, backoff
		r := performAtOnce(t, crashing, stuck, 1)
		running.Receive(t, "an attempt", started)
		r.stop()
	}
	var mu sync.Mutex
	attempted := map[string]bool{}
	whole := delivery(succeed)
	whole.Backoff = backoff
	whole.Do = func(_ context.Context, m *sendemailv1.Send) ([]components.Emit, error) {
		mu.Lock()
		defer mu.Unlock()
		attempted[m.GetEmailId()] = true
		return []components.Emit{components.Event(&sendemailv1.Sent{EmailId: m.GetEmailId()})}, nil
	}
	performAtOnce(t, store, whole, 1).await((*sendemailv1.Send)(nil), many)
	if len(attempted) < many-crashes {
		t.Errorf("%d of %d were attempted after %d crashes", len(attempted), many, crashes)
	}
}

// Effects that wait in one instance are performed by another that has capacity.
func TestEffect_SharedByInstances(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const many = 10
	instance := func(finish chan struct{}) runner {
		e := delivery(blocked(make(chan struct{}, many), finish))
		e.RecordWaiting = true
		return performAtOnce(t, store, e, 1)
	}
	finish1, finish2 := make(chan struct{}), make(chan struct{})
	post(t, store, many)
	first := instance(finish1)
	follow(t, store, many) // RecordWaiting: the first instance knows all
	second := instance(finish2)
	close(finish2)
	second.await((*sendemailv1.Send)(nil), many-1) // all but the attempt of the first
	close(finish1)
	first.await((*sendemailv1.Send)(nil), many)
}
