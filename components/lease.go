package components

import (
	"context"
	"errors"
	"fmt"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// longestLease is the time from which on a lease is not doubled any more: for so
// long, or for as long as it was made, an attempt is not taken up again after a
// crash.
const longestLease = 15 * time.Minute

// errLost is returned by an attempt that another instance has taken over.
var errLost = errors.New("the attempt was taken over, since the log did not hear of it in time")

// say appends that an attempt is made until then, and reports whether it is this
// instance's. The id is no derived one: two instances that begin at the same
// moment would both be told that their event is stored.
func (a attempting[M, S, A]) say(ctx context.Context, entity version, n int32, until time.Time) (won bool, err error) {
	m, err := a.cause.emitted(a.frame.consumer, entity.stream, 0, Event(a.Attempted(a.message, n, until)))
	if err != nil {
		return false, err
	}
	m.ID = contract.NewID()
	_, err = a.frame.store.Write(ctx, entity.stream, entity.last, m)
	var conflict *messagestore.VersionConflictError
	if errors.As(err, &conflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("say in %s that attempt %d is made: %w", entity.stream, n, err)
	}
	return true, nil
}

// hold returns a context that ends with ctx, or when the attempt is no longer
// this instance's; until then the log hears of it in time. The caller MUST call
// let when the attempt is over.
func (a attempting[M, S, A]) hold(ctx context.Context, mine tenure) (held context.Context, let func()) {
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel(a.renew(held, mine))
	}()
	return held, func() {
		cancel(nil)
		<-done
	}
}

// renew appends again and again that the attempt is made, when a quarter of the
// time is left that the log has heard of. It returns errLost when it is no longer
// this instance's, and else why the context has ended.
func (a attempting[M, S, A]) renew(ctx context.Context, mine tenure) error {
	for lease := a.Lease; ; {
		if err := sleep(ctx, time.Until(mine.until)-lease/4); err != nil {
			return err
		}
		next := min(2*lease, max(longestLease, a.Lease))
		var until time.Time
		for pause := firstPause; ; pause = min(2*pause, lastPause) {
			until = time.Now().Add(next)
			err := a.againBefore(ctx, mine.until, mine.n, until)
			if err == nil {
				break
			}
			if errors.Is(err, errLost) || time.Now().After(mine.until) {
				return errLost
			}
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
		mine.until, lease = until, next
	}
}

// againBefore is again that gives up when the lease is over: by then another
// instance may make the attempt.
func (a attempting[M, S, A]) againBefore(ctx context.Context, over time.Time, n int32, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, over)
	defer cancel()
	return a.again(ctx, n, until)
}

// again appends that the attempt goes on. It returns errLost if it is another's.
func (a attempting[M, S, A]) again(ctx context.Context, n int32, until time.Time) error {
	for {
		r, all, err := a.read(ctx)
		if err != nil {
			return err
		}
		if all.n != n || !all.open() {
			return errLost
		}
		won, err := a.say(ctx, r.versions[0], n, until)
		if err != nil || won {
			return err
		}
	}
}

// handBack lets another instance, or this one when it runs again, begin the
// attempt anew, if this one stops. It returns why it does not go on.
func (a attempting[M, S, A]) handBack(ctx, held context.Context, n int32) error {
	if err := context.Cause(held); errors.Is(err, errLost) {
		return err
	}
	brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPause)
	defer cancel()
	if err := a.again(brief, n, time.Time{}); err != nil {
		a.frame.log.WarnContext(ctx, "an attempt is not handed back; it is made anew when its time is up", "attempt", n,
			"message", a.cause.Message.ID, "error", err)
	}
	return ctx.Err()
}
