package components

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// maxLease is the duration from which on a renewal does not double the lease. It
// limits how long a crash blocks the next attempt.
const maxLease = 15 * time.Minute

// errLeaseLost means that the lease on an attempt expired, or that another instance has
// taken the attempt over.
var errLeaseLost = errors.New("lease lost: it was not renewed in time")

// A lease is the right to make an attempt until it expires. The zero value is no lease.
// A lease with a zero until hands the attempt back.
type lease struct {
	attempt int32
	until   time.Time
}

// appendAttempted appends the event of a lease, and reports whether the entity was at
// the expected version. Its id is random: with a derived one, two instances that start
// at the same moment would both succeed.
func (r effectRun[M, S, A]) appendAttempted(ctx context.Context, entity version, l lease) (ok bool, err error) {
	m, err := r.cause.emit(r.runtime.consumer, entity.stream, 0, Event(r.Attempted(r.message, l.attempt, l.until)))
	if err != nil {
		return false, err
	}
	m.ID = contract.NewID()
	_, err = r.runtime.store.Write(ctx, entity.stream, entity.last, m)
	var conflict *messagestore.VersionConflictError
	if errors.As(err, &conflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("record attempt %d in %s: %w", l.attempt, entity.stream, err)
	}
	return true, nil
}

// renew extends the lease whenever a quarter of it is left, until the context ends. It
// returns errLeaseLost if it does not succeed before the lease expires: by then another
// instance may make the attempt.
func (r effectRun[M, S, A]) renew(ctx context.Context, l lease) error {
	for duration := r.Lease; ; {
		if err := sleep(ctx, time.Until(l.until)-duration/4); err != nil {
			return err
		}
		duration = min(2*duration, max(maxLease, r.Lease))
		var err error
		if l, err = r.extend(ctx, l, duration); err != nil {
			return err
		}
	}
}

// extend retries to append a longer lease until the present one expires.
func (r effectRun[M, S, A]) extend(ctx context.Context, l lease, duration time.Duration) (lease, error) {
	ctx, cancel := context.WithDeadlineCause(ctx, l.until, errLeaseLost)
	defer cancel()
	return backoff.Retry(ctx, func() (lease, error) {
		next := lease{l.attempt, time.Now().Add(duration)}
		err := r.update(ctx, next)
		if errors.Is(err, errLeaseLost) {
			err = backoff.Permanent(err)
		}
		return next, err
	}, backoff.WithBackOff(newBackoff()), backoff.WithMaxElapsedTime(0))
}

// update appends the lease if its attempt is still open, and returns errLeaseLost if it
// is not.
func (r effectRun[M, S, A]) update(ctx context.Context, l lease) error {
	for {
		s, err := r.read(ctx)
		if err != nil {
			return err
		}
		if s.history.attempt != l.attempt || !s.history.open() {
			return errLeaseLost
		}
		if ok, err := r.appendAttempted(ctx, s.versions[0], l); ok || err != nil {
			return err
		}
	}
}

// handBack ends an attempt that was interrupted, so that any instance can start it
// again at once. It returns the reason of the interruption.
func (r effectRun[M, S, A]) handBack(ctx, held context.Context, attempt int32) error {
	if err := context.Cause(held); errors.Is(err, errLeaseLost) {
		return err
	}
	brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxPause)
	defer cancel()
	if err := r.update(brief, lease{attempt: attempt}); err != nil {
		r.runtime.log.WarnContext(ctx, "attempt not handed back, it is repeated after its lease expires", "attempt", attempt,
			"message", r.cause.Message.ID, "error", err)
	}
	return ctx.Err()
}
