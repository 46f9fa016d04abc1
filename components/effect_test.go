package components_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/components"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// A parcel is the entity of the tests of effects.
type parcel struct{ settled bool }

var parcels = components.Projection[parcel]{
	components.When(func(parcel, *sendemailv1.Sent) parcel { return parcel{true} }),
	components.When(func(parcel, *sendemailv1.Failed) parcel { return parcel{true} }),
}

// parcelEvents are the events of all parcels.
var parcelEvents = messagestore.OfCategories("sendEmail")

func parcelStream[M interface{ GetEmailId() string }](m M, _ components.Cause) []messagestore.Stream {
	return []messagestore.Stream{contract.Category((*sendemailv1.Sent)(nil)).Stream(m.GetEmailId())}
}

type effect = components.Effect[*sendemailv1.Send, parcel, *sendemailv1.SendAttempted]

// delivery returns the effect that calls do and emits Sent.
func delivery(do func(context.Context) error) effect {
	return effect{
		Entity: parcelStream[*sendemailv1.Send], Projection: parcels,
		Pending: func(p parcel, _ *sendemailv1.Send) bool { return !p.settled },
		Attempted: func(m *sendemailv1.Send, n int32, until time.Time) *sendemailv1.SendAttempted {
			return &sendemailv1.SendAttempted{EmailId: m.GetEmailId(), Attempt: n, Until: timestamppb.New(until)}
		},
		Do: func(ctx context.Context, m *sendemailv1.Send) ([]components.Emit, error) {
			return []components.Emit{components.Event(&sendemailv1.Sent{EmailId: m.GetEmailId()})}, do(ctx)
		},
		Failed: func(_ parcel, m *sendemailv1.Send, _ int32, last bool, err error) []components.Emit {
			if !last {
				return []components.Emit{components.Event(&sendemailv1.SendAttemptFailed{EmailId: m.GetEmailId(), Reason: err.Error()})}
			}
			return []components.Emit{components.Event(&sendemailv1.Failed{EmailId: m.GetEmailId(), Reason: err.Error()})}
		},
		Timeout: time.Minute,
	}
}

// succeed, and failWith(err), are what an attempt does.
func succeed(context.Context) error { return nil }

func failWith(text string) func(context.Context) error {
	return func(context.Context) error { return errors.New(text) }
}

// blocked returns an attempt that sends to started and waits for finish to be closed.
func blocked(started chan<- struct{}, finish <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		started <- struct{}{}
		select {
		case <-finish:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// perform runs a consumer with the effect.
func perform(t *testing.T, store messagestore.Store, e effect) runner {
	t.Helper()
	return performAtOnce(t, store, e, 0)
}

func performAtOnce(t *testing.T, store messagestore.Store, e effect, concurrency int) runner {
	t.Helper()
	return run(t, store, components.Consumer{ID: "test", Concurrency: concurrency, Handlers: components.Handlers{e.Handler()}})
}

// post writes n Send commands, each for a new parcel, and returns the ids.
func post(t *testing.T, store messagestore.Store, n int) (ids []string) {
	t.Helper()
	for range n {
		id := uuid.NewString()
		write(t, store, id, "", &sendemailv1.Send{EmailId: id})
		ids = append(ids, id)
	}
	return ids
}

// attempt returns the content of a SendAttempted event.
func attempt(t *testing.T, m messagestore.Message) (n int32, until time.Time) {
	t.Helper()
	event, err := contract.Decode[*sendemailv1.SendAttempted](m)
	if err != nil {
		t.Fatal(err)
	}
	return event.GetAttempt(), event.GetUntil().AsTime()
}

// follow waits for n events of parcels and returns them.
func follow(t *testing.T, store messagestore.Store, n int) (messages []messagestore.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), running.Patience)
	defer cancel()
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: parcelEvents}) {
		if err != nil {
			t.Fatalf("%d of %d events of parcels: %v", len(messages), n, err)
		}
		if more, ok := event.(messagestore.Messages); ok {
			messages = append(messages, more...)
		}
		if len(messages) >= n {
			return messages[:n]
		}
	}
	t.Fatalf("%d of %d events of parcels within %v", len(messages), n, running.Patience)
	return nil
}

func wantParcel(t *testing.T, store messagestore.Store, want ...string) {
	t.Helper()
	wantTypes(t, store, parcelEvents, want...)
}

// Other messages for an entity are handled while effects for it run, even if more effects
// are due than may run at the same time. Their events do not settle the effects.
func TestEffect_DoesNotBlockEntity_D20(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const many = 40 // more than the default concurrency
	started, finish := make(chan struct{}, many), make(chan struct{})
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{
		delivery(blocked(started, finish)).Handler(),
		// An event of another type stands for a command of the same category.
		components.On(parcelStream[*sendemailv1.SendAttemptFailed], parcels, func(_ parcel, m *sendemailv1.SendAttemptFailed, _ components.Cause) []components.Emit {
			return []components.Emit{components.Event(&sendemailv1.SendAttempted{EmailId: m.GetEmailId(), Until: timestamppb.New(time.Now())})}
		}),
	}})
	for _, id := range post(t, store, many) {
		write(t, store, id, "", &sendemailv1.SendAttemptFailed{EmailId: id})
	}
	r.await((*sendemailv1.SendAttemptFailed)(nil), many)
	close(finish)
	r.await((*sendemailv1.Send)(nil), many)
	if got := count(read(t, store, parcelEvents), (*sendemailv1.Sent)(nil)); got != many {
		t.Errorf("%d Sent, want %d", got, many)
	}
}

// An owner's only waiting effect does not wait for all effects of an owner with many.
func TestEffect_FairToOwners(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const anns = 20
	started, finish := make(chan struct{}, anns+1), make(chan struct{})
	e := delivery(blocked(started, finish))
	e.Owner, e.RecordWaiting = (*sendemailv1.Send).GetTo, true
	r := performAtOnce(t, store, e, 1)
	owners := map[string]string{}
	for n, owner := range append(slices.Repeat([]string{"ann"}, anns), "bob") {
		id := uuid.NewString()
		owners[id] = owner
		write(t, store, id, "", &sendemailv1.Send{EmailId: id, To: owner})
		if n == 0 {
			running.Receive(t, "the first attempt", started)
		}
	}
	follow(t, store, anns+1) // RecordWaiting: all are waiting
	close(finish)
	r.await((*sendemailv1.Send)(nil), anns+1)
	var order []string
	for _, m := range read(t, store, parcelEvents) {
		if m.Type == contract.Type((*sendemailv1.Sent)(nil)) {
			order = append(order, owners[m.Stream.ID()])
		}
	}
	// The order in which they start to wait is not defined.
	if i := slices.Index(order, "bob"); len(order) != anns+1 || i < 1 || i > 2 {
		t.Errorf("mails were sent to %v, want bob's second or third", order)
	}
}

// If the lease on the last attempt expires without an outcome, the effect fails.
func TestEffect_LastAttemptLost(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	write(t, store, id, "", &sendemailv1.SendAttempted{EmailId: id, Attempt: 1, Until: timestamppb.New(time.Now().Add(-time.Second))})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	perform(t, store, delivery(failWith("attempted again"))).await((*sendemailv1.Send)(nil), 1)
	messages := read(t, store, parcelEvents)
	last, err := contract.Decode[*sendemailv1.Failed](messages[len(messages)-1])
	if err != nil || last.GetReason() != components.ErrNoResult.Error() {
		t.Errorf("ended with %v, %v, want Failed because of ErrNoResult", last, err)
	}
}

// A new version of the program that allows fewer attempts ends an effect whose failed
// attempts are as many.
func TestEffect_FewerAttempts(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	post(t, store, 1)
	older := delivery(failWith("not now"))
	older.Backoff = []time.Duration{time.Hour}
	r := perform(t, store, older)
	follow(t, store, 2)
	r.stop()
	perform(t, store, delivery(failWith("attempted again"))).await((*sendemailv1.Send)(nil), 1)
	wantParcel(t, store, "SendAttempted", "SendAttemptFailed", "Failed")
}

// A panic is retried, and not recorded for users.
func TestEffect_Panics(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	e := delivery(func(context.Context) error {
		select {
		case <-first:
			panic("oops")
		default:
			return nil
		}
	})
	e.Timeout, e.Backoff = 20*time.Millisecond, []time.Duration{time.Millisecond}
	r := perform(t, store, e)
	post(t, store, 1)
	r.await((*sendemailv1.Send)(nil), 1)
	wantParcel(t, store, "SendAttempted", "SendAttempted", "Sent")
}

// A rejected message makes no attempt, and a second delivery of it appends nothing.
func TestEffect_Rejected(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := post(t, store, 1)[0]
	e := delivery(failWith("attempted"))
	e.Reject = func(parcel, *sendemailv1.Send) []components.Emit {
		return []components.Emit{components.Event(&sendemailv1.SendAttemptFailed{EmailId: id, Reason: "rejected"})}
	}
	for range 2 {
		r := perform(t, elsewhere{store}, e)
		r.await((*sendemailv1.Send)(nil), 1)
		r.stop()
	}
	wantParcel(t, store, "SendAttemptFailed")
}

// The reason of a failure is stored even if a foreign server answered with invalid or too
// much text.
func TestEffect_InvalidReason(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	for text, want := range map[string]string{
		"550 Bo\xeete inconnue":       "550 Bo?te inconnue",
		"550 \x00":                    "550 ?",
		strings.Repeat("very ", 1000): strings.Repeat("very ", 200) + "…",
	} {
		r := perform(t, store, delivery(func(context.Context) error {
			return &components.PermanentError{Cause: errors.New(text)}
		}))
		id := post(t, store, 1)[0]
		r.await((*sendemailv1.Send)(nil), 1)
		r.stop()
		all := read(t, store, messagestore.OfStream(messagestore.Stream("sendEmail-"+id)))
		failed, err := contract.Decode[*sendemailv1.Failed](all[len(all)-1])
		if err != nil || failed.GetReason() != want {
			t.Errorf("%.20q: %q, %v, want %q", text, failed.GetReason(), err, want)
		}
	}
}
