package components

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore/contract"
)

// Attempted is the contract of the event that records the start of an attempt.
type Attempted interface {
	proto.Message
	// GetAttempt returns the number of the attempt, counted from 1.
	GetAttempt() int32
	// GetUntil returns when the lease on the attempt expires. If the log has no
	// outcome of the attempt by then, the next attempt may start.
	GetUntil() *timestamppb.Timestamp
}

// An Effect is work outside the log that messages of type M ask for, for an entity
// with state S. Events of type A record its attempts.
//
//	pending ──▶ attempted ──▶ done
//	   ▲            ├───────▶ failed
//	   └────────────┘
//	    after a failed attempt and its backoff, or when the lease expires
//
// These are the states of an effect, and what a crash does in each:
//
//   - Pending: no attempt is under way. After a crash any instance starts the next
//     attempt; nothing is lost.
//   - Attempted: the entity's stream has an A whose lease has not expired. Only the
//     instance that appended it runs Do, and renews the lease while Do runs. After a
//     crash the lease expires, and another instance makes the next attempt, even if
//     Do had succeeded and only its events were lost. An instance that stops hands the
//     attempt back, so that it can be repeated at once.
//   - Done: the events of Do are stored, and Pending returns false.
//   - Failed: the last attempt failed, or its lease expired, and the events of Failed
//     are stored. No other attempt is made.
//
// So Do runs at least once, and usually exactly once. The clocks of the instances
// MUST agree within a quarter of the Lease.
//
// Other messages for the entity wait only until the first A is stored, or until the
// attempt has to wait because the consumer's Concurrency is used up. The message
// itself is not handled before the effect is done or failed.
type Effect[M proto.Message, S any, A Attempted] struct {
	// Entity returns the stream of the entity. Like all functions but Do, it is pure.
	Entity Streams[M]
	// Projection folds the entity's stream. It needs no fold for A.
	Projection Projection[S]
	// Reject returns the events that reject the message, or nothing to accept it.
	// Defaults to accepting all.
	Reject func(S, M) []Emit
	// Owner returns the user for whom the effect is made. If attempts have to
	// wait, the next one is of an owner with the fewest under way. Defaults to one
	// owner for all.
	Owner func(M) string
	// Pending reports whether the effect is neither done nor failed.
	Pending func(S, M) bool
	// Attempted returns the event that records the start or the renewal of an
	// attempt. A zero until hands the attempt back: the next one gets its number.
	Attempted func(message M, attempt int32, until time.Time) A
	// Do performs the effect and returns the events that record its success. An
	// error fails the attempt; a *PermanentError makes it the last one. The context
	// ends after Timeout, and when the lease is lost.
	Do func(context.Context, M) ([]Emit, error)
	// Failed returns the events that record a failed attempt, given the state of the
	// entity when they are appended. If last, no other attempt follows, and Pending
	// MUST return false after these events.
	Failed func(state S, message M, attempt int32, last bool, err error) []Emit
	// Timeout limits Do.
	Timeout time.Duration
	// Lease is the duration of a new lease, and so how long an attempt that a crash
	// interrupted blocks the next one. Each renewal doubles it, up to 15 minutes.
	// Defaults to twice the Timeout.
	Lease time.Duration
	// RecordWaiting makes the runtime append an A with a zero until when an attempt
	// has to wait. Set it if later messages for the entity depend on the first A.
	RecordWaiting bool
	// Interruptible ends the context of Do at once when the process stops. Otherwise
	// Do has 10 seconds to finish.
	Interruptible bool
	// Backoff holds the pauses between attempts, one fewer than there are attempts.
	Backoff []time.Duration
}

// A PermanentError is returned by Effect.Do if no other attempt can succeed.
type PermanentError struct {
	Cause error
}

func (e *PermanentError) Error() string { return e.Cause.Error() }
func (e *PermanentError) Unwrap() error { return e.Cause }

// ErrNoResult is passed to Effect.Failed if the lease on the last attempt expired
// without an outcome in the log. The attempt may have succeeded.
var ErrNoResult = errors.New("the last attempt left no result")

// Handler returns the handler that performs the effect for messages of type M. It
// panics if M or A is not a contract.
func (e Effect[M, S, A]) Handler() Handler {
	var attempted A
	contract.KindOf(attempted)
	e.Lease = cmp.Or(e.Lease, 2*e.Timeout)
	if e.Owner == nil {
		e.Owner = func(M) string { return "" }
	}
	if e.Reject == nil {
		e.Reject = func(S, M) []Emit { return nil }
	}
	return newHandler(e.Entity, func(ctx context.Context, j job[M], release func()) error {
		return effectRun[M, S, A]{e, j}.run(ctx, release)
	})
}
