package components_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/components"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// A parcel is a test's entity, with an effect.
type parcel struct{ settled bool }

var parcels = components.Projection[parcel]{
	components.When(func(parcel, *sendemailv1.Sent) parcel { return parcel{true} }),
	components.When(func(parcel, *sendemailv1.Failed) parcel { return parcel{true} }),
}

func parcelOf[M interface{ GetEmailId() string }](m M, _ components.Cause) []messagestore.Stream {
	return []messagestore.Stream{contract.Category((*sendemailv1.Sent)(nil)).Stream(m.GetEmailId())}
}

func delivering(do func(context.Context) error) components.Effect[*sendemailv1.Send, parcel, *sendemailv1.SendAttempted] {
	return components.Effect[*sendemailv1.Send, parcel, *sendemailv1.SendAttempted]{
		Entity: parcelOf[*sendemailv1.Send], Projection: parcels,
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

// closed returns nil when the channel is closed, or the context's error before.
func closed(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestEffect_HoldsNothingUp_D20 handles a message for the entity while the effect
// of an earlier one goes on, also where the effects that go on are many; and what
// came of the later one does not settle the earlier.
func TestEffect_HoldsNothingUp_D20(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const many = 40 // more than are attempted at a time
	finish := make(chan struct{})
	effect := delivering(func(context.Context) error { <-finish; return nil })
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{
		effect.Handler(),
		// The event of another kind stands for a command of the same category.
		components.On(parcelOf[*sendemailv1.SendAttemptFailed], parcels, func(_ parcel, m *sendemailv1.SendAttemptFailed, _ components.Cause) []components.Emit {
			return []components.Emit{components.Event(&sendemailv1.SendAttempted{EmailId: m.GetEmailId(), Until: timestamppb.New(time.Now())})}
		}),
	}})
	var ids []string
	for range many {
		id := uuid.NewString()
		ids = append(ids, id)
		write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	}
	for _, id := range ids {
		write(t, store, id, "", &sendemailv1.SendAttemptFailed{EmailId: id})
	}
	r.await((*sendemailv1.SendAttemptFailed)(nil), many)
	close(finish)
	r.await((*sendemailv1.Send)(nil), many)
	if got := count(read(t, store, messagestore.OfCategories("sendEmail")), (*sendemailv1.Sent)(nil)); got != many {
		t.Errorf("%d Sent, want %d", got, many)
	}
}

// TestEffect_Whose: where one has many waiting, another's is next.
func TestEffect_Whose(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const anns = 20
	finish, begun := make(chan struct{}), make(chan struct{}, anns+1)
	effect := delivering(func(context.Context) error { begun <- struct{}{}; <-finish; return nil })
	effect.Owner, effect.RecordWaiting = (*sendemailv1.Send).GetTo, true
	r := run(t, store, components.Consumer{ID: "test", Concurrency: 1, Handlers: components.Handlers{effect.Handler()}})
	of := map[string]string{}
	for n, to := range append(slices.Repeat([]string{"ann"}, anns), "bob") {
		id := uuid.NewString()
		of[id] = to
		write(t, store, id, "", &sendemailv1.Send{EmailId: id, To: to})
		if n == 0 {
			<-begun
		}
	}
	// All wait when the log has been told of each.
	follow(t, store, messagestore.OfCategories("sendEmail"), anns+1)
	close(finish)
	r.await((*sendemailv1.Send)(nil), anns+1)
	var order []string
	for _, m := range read(t, store, messagestore.OfCategories("sendEmail")) {
		if m.Type == contract.Type((*sendemailv1.Sent)(nil)) {
			order = append(order, of[m.Stream.ID()])
		}
	}
	// It is not said in which order they come to wait.
	if i := slices.Index(order, "bob"); len(order) != anns+1 || i < 1 || i > 2 {
		t.Errorf("the mails were sent to %v, want bob's second or third", order)
	}
}

// TestEffect_LastAttemptLost ends an effect of whose only attempt nothing was
// heard.
func TestEffect_LastAttemptLost(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	write(t, store, id, "", &sendemailv1.SendAttempted{EmailId: id, Attempt: 1, Until: timestamppb.New(time.Now().Add(-time.Second))})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{
		delivering(func(context.Context) error { return errors.New("attempted again") }).Handler(),
	}})
	r.await((*sendemailv1.Send)(nil), 1)
	messages := read(t, store, messagestore.OfCategories("sendEmail"))
	last, err := contract.Decode[*sendemailv1.Failed](messages[len(messages)-1])
	if err != nil || last.GetReason() != components.ErrNoResult.Error() {
		t.Errorf("ended with %v, %v, want Failed since nothing was heard", last, err)
	}
}

// TestEffect_FewerAttempts ends an effect of which the log has heard that an attempt
// has failed and others follow, where a newer version makes no others.
func TestEffect_FewerAttempts(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	older := delivering(func(context.Context) error { return errors.New("not now") })
	older.Backoff = []time.Duration{time.Hour}
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{older.Handler()}})
	follow(t, store, messagestore.OfCategories("sendEmail"), 2)
	r.stop()
	newer := delivering(func(context.Context) error { return errors.New("attempted again") })
	run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{newer.Handler()}}).await((*sendemailv1.Send)(nil), 1)
	want(t, "parcel", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttempted", "SendAttemptFailed", "Failed")
}

// TestEffect_Panics tries again after a panic, and tells no user of it.
func TestEffect_Panics(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	id := uuid.NewString()
	first := make(chan struct{}, 1)
	first <- struct{}{}
	effect := delivering(func(context.Context) error {
		select {
		case <-first:
			panic("oops")
		default:
			return nil
		}
	})
	effect.Timeout, effect.Backoff = 20*time.Millisecond, []time.Duration{time.Millisecond}
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{effect.Handler()}})
	write(t, store, id, "", &sendemailv1.Send{EmailId: id})
	r.await((*sendemailv1.Send)(nil), 1)
	want(t, "parcel", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttempted", "SendAttempted", "Sent")
}
