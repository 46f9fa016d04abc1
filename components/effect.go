package components

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// Attempted is the contract of the event that says that an attempt has begun.
type Attempted interface {
	proto.Message
	// GetAttempt counts from 1.
	GetAttempt() int32
	// GetUntil is when another attempt may begin if nothing was heard of this one.
	GetUntil() *timestamppb.Timestamp
}

// An Effect is something that is done outside of the log because of messages M,
// for the entity whose state is S. Of each attempt the log has an event A before,
// and events after it.
//
// Of several instances one makes an attempt: whose A was appended at the expected
// version. The others wait. Where a crash, or a store that is away, swallows what
// came of an attempt, another one follows at the earliest after its until: so
// what Do does is done at least once, and most often once. Clocks of instances
// MUST agree within a quarter of the Lease.
//
// Once the first A is appended, or it has to wait for its turn, the effect does not
// hold up other messages for the entity, but its message is not handled before it
// is over.
type Effect[M proto.Message, S any, A Attempted] struct {
	// Entity says for which entity it is: one stream. It is pure, as all but Do.
	Entity Streams[M]
	// Projection folds the entity's stream. It need not have a fold for A.
	Projection Projection[S]
	// Refuse returns the events that say that it is not to be done, or nothing.
	// Defaults to never.
	Refuse func(S, M) []Emit
	// Whose returns for whom it is: of those that wait for their turn, one of whom
	// has the fewest under way is next. Defaults to all for the same.
	Whose func(M) string
	// Due reports whether it is still to be done: that no attempt has succeeded
	// and none was the last.
	Due func(S, M) bool
	// Attempted returns the event that says that an attempt begins, or goes on.
	// Where until is the zero time, the attempt is handed back, by an instance
	// that stops: the next one has its number.
	Attempted func(message M, attempt int32, until time.Time) A
	// Do does it and returns the events that say so. The context ends with the
	// Timeout. An error means that the attempt has failed; it is the last one if
	// it is a *PermanentError.
	Do func(context.Context, M) ([]Emit, error)
	// Failed returns the events that say that the attempt has failed. The state is
	// the entity's when they are written. Last says that there will be no other:
	// after it, Due MUST be false.
	Failed func(state S, message M, attempt int32, last bool, err error) []Emit
	// Timeout bounds Do.
	Timeout time.Duration
	// Lease is after how long another instance takes an attempt for lost. While
	// one goes on, or waits for its turn, the frame appends A again before that,
	// each time for twice as long. Defaults to twice the Timeout.
	Lease time.Duration
	// Announce says that the log hears of it at once, also where it has to wait for
	// its turn: by an A with the zero time. It is for effects of which later
	// messages for the entity want to know.
	Announce bool
	// Interruptible says that a stop ends Do at once. Else it has 10 s.
	Interruptible bool
	// Pauses are those between attempts, one fewer than there are attempts.
	Pauses []time.Duration
}

// A PermanentError is returned by an Effect's Do if another attempt would be of
// no use.
type PermanentError struct {
	Cause error
}

func (e *PermanentError) Error() string { return e.Cause.Error() }
func (e *PermanentError) Unwrap() error { return e.Cause }

// ErrNoResult is the cause of a last attempt's failure of which nothing was
// heard: it may have succeeded.
var ErrNoResult = errors.New("nothing was heard of the last attempt")

// Handler returns the handler of M that does the effect; it panics if M or A is no
// contract.
func (e Effect[M, S, A]) Handler() Handler {
	var (
		none      M
		attempted A
	)
	contract.KindOf(attempted)
	return Handler{
		kind:   contract.KindOf(none),
		entity: entityOf(e.Entity),
		handle: func(ctx context.Context, f frame, m messagestore.Message, release func()) error {
			message, cause, err := parse[M](m)
			if err != nil {
				return err
			}
			ctx, cause, end := f.trace(ctx, cause)
			one := attempting[M, S, A]{Effect: e, frame: f, message: message, cause: cause}
			one.Lease = cmp.Or(e.Lease, 2*e.Timeout)
			err = one.run(ctx, release)
			end(err)
			return err
		},
	}
}
