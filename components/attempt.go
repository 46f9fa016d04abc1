package components

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

// maxResults limits the messages that an attempt emits. The derivation of ids depends
// on it.
const maxResults = 100

// An effectRun performs an effect for one message.
type effectRun[M proto.Message, S any, A Attempted] struct {
	Effect[M, S, A]
	job[M]
}

var (
	// errSettled ends an effectRun: the effect is done, failed or rejected.
	errSettled = errors.New("settled")
	// errBusy is returned by poll if an attempt is due, but has to wait because too
	// many others are under way.
	errBusy = errors.New("too many attempts")
)

// run polls the entity and makes attempts until the effect is done or failed. It calls
// release when the next message for the entity may be handled: after the start of an
// attempt by any instance, or before a wait.
func (r effectRun[M, S, A]) run(ctx context.Context, release func()) error {
	interval := newBackoff()
	for {
		wait, err := r.step(ctx, interval.NextBackOff(), release)
		if err == nil {
			err = sleep(ctx, wait)
		}
		if errors.Is(err, errSettled) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// step polls the entity and makes the attempt that is due, if any. It returns the time
// until the next poll.
func (r effectRun[M, S, A]) step(ctx context.Context, interval time.Duration, release func()) (wait time.Duration, err error) {
	attempts, owner := r.runtime.attempts, r.Owner(r.message)
	_, acquired := attempts.TryAcquire(owner)
	l, wait, err := r.poll(ctx, interval, acquired)
	if errors.Is(err, errBusy) {
		release()
		if err := attempts.Acquire(ctx, owner); err != nil {
			return 0, err
		}
		acquired = true
		l, wait, err = r.poll(ctx, interval, true)
	}
	if acquired {
		defer attempts.Release(owner)
	}
	if err != nil || l.attempt == 0 && wait == 0 {
		return 0, err
	}
	release()
	if l.attempt > 0 {
		return 0, r.attempt(ctx, l)
	}
	return wait, nil
}

// poll reads the entity. It returns a lease if an attempt is due and this instance has
// acquired it, or how long to wait before the next poll: at most interval if another
// instance makes an attempt, which may end soon. If both are zero another append came
// first.
//
// If the limit of attempts is not acquired and an attempt is due, poll returns errBusy.
// With RecordWaiting it appends an A then, but without a lease: a crash while the
// effect waits must not use up an attempt.
func (r effectRun[M, S, A]) poll(ctx context.Context, interval time.Duration, acquired bool) (l lease, wait time.Duration, err error) {
	if err := r.runtime.polls.Acquire(ctx, 1); err != nil {
		return lease{}, 0, err
	}
	defer r.runtime.polls.Release(1)
	ctx, done := consumer.Finishing(ctx)
	defer done()

	s, err := r.read(ctx)
	if err != nil {
		return lease{}, 0, err
	}
	if s.rejected || !r.Pending(s.state, r.message) {
		return lease{}, 0, errSettled
	}
	if rejection := r.Reject(s.state, r.message); len(rejection) > 0 {
		ok, err := r.runtime.write(ctx, r.cause, s.versions, 0, rejection)
		if ok {
			err = errSettled
		}
		return lease{}, 0, err
	}
	h := s.history
	if wait := h.wait(r.Backoff, time.Now()); wait > 0 {
		if h.open() {
			wait = min(wait, interval)
		}
		return lease{}, wait, nil
	}
	if h.exhausted(r.Backoff) {
		// With the ids of the attempt after the last: the log may already have an outcome
		// of the last attempt, written when more were to follow.
		return lease{}, 0, r.appendOutcome(ctx, h.attempt+1, false, r.failure(h.attempt, true, ErrNoResult))
	}
	l = lease{attempt: h.attempt + 1}
	switch {
	case acquired:
		l.until = time.Now().Add(r.Lease)
	case !r.RecordWaiting || h.attempt > 0 || h.handedBack: // recorded already
		return lease{}, 0, errBusy
	}
	ok, err := r.appendAttempted(ctx, s.versions[0], l)
	switch {
	case err != nil || !ok:
		return lease{}, 0, err
	case !acquired:
		return lease{}, 0, errBusy
	}
	return l, 0, nil
}

// A snapshot is the content of the entity's stream.
type snapshot[S any] struct {
	state    S
	versions []version
	history  history
	// rejected reports that the message was rejected.
	rejected bool
}

func (r effectRun[M, S, A]) read(ctx context.Context) (s snapshot[S], err error) {
	var none A
	kind := contract.KindOf(none)
	s.state, s.versions, err = read(ctx, r.runtime.store, r.streams[:1], r.Projection, func(m messagestore.Message) error {
		if kindOf(m) != kind {
			s.history = s.history.observe(m)
			s.rejected = s.rejected || s.history.cause != r.cause.Message.ID && causedBy(m, r.cause.Message.ID)
			return nil
		}
		event, by, err := parse[A](m)
		if err == nil {
			s.history = attempted(event, by.Metadata.CausationMessageID)
		}
		return err
	})
	return s, err
}

// attempt runs Do while renewing the lease, and appends the outcome.
func (r effectRun[M, S, A]) attempt(ctx context.Context, l lease) error {
	work := ctx
	if !r.Interruptible {
		var done context.CancelFunc
		work, done = consumer.Finishing(ctx)
		defer done()
	}
	held, cancel := context.WithCancelCause(work)
	var renewing sync.WaitGroup
	renewing.Go(func() { cancel(r.renew(held, l)) })
	defer renewing.Wait()
	defer cancel(nil)

	events, failure, err := r.do(held)
	switch {
	case held.Err() != nil && (err != nil || failure != nil):
		return r.handBack(ctx, held, l.attempt) // interrupted, not failed
	case err != nil:
		return err
	case failure == nil:
		return r.record(ctx, l.attempt, false, func(S) []Emit { return events })
	}
	var permanent *PermanentError
	last := errors.As(failure, &permanent) || int(l.attempt) > len(r.Backoff)
	return r.record(ctx, l.attempt, true, r.failure(l.attempt, last, userError{failure}))
}

// do runs Do. failure is its error, and err is a panic, which is not recorded in the
// log for users to read; the attempt is repeated.
func (r effectRun[M, S, A]) do(ctx context.Context) (events []Emit, failure, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	err = consumer.Protect(func() error {
		events, failure = r.Do(ctx, r.message)
		return nil
	})
	return events, failure, err
}

// failure returns Failed as a function of the state.
func (r effectRun[M, S, A]) failure(attempt int32, last bool, err error) func(S) []Emit {
	return func(state S) []Emit { return r.Failed(state, r.message, attempt, last, err) }
}

// record is appendOutcome that retries for as long as it can: a lost outcome means
// that Do runs again.
func (r effectRun[M, S, A]) record(ctx context.Context, attempt int32, failed bool, events func(S) []Emit) error {
	ctx, done := consumer.Finishing(ctx)
	defer done()
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := r.appendOutcome(ctx, attempt, failed, events)
		var invalid *messagestore.InvalidError
		if errors.Is(err, errSettled) || errors.Is(err, errLeaseLost) || errors.As(err, &invalid) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(newBackoff()), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, pause time.Duration) {
		r.runtime.log.WarnContext(ctx, "outcome of an attempt not stored, retrying", "attempt", attempt,
			"message", r.cause.Message.ID, "error", err, "pause", pause)
	}))
	return err
}

// appendOutcome appends the events that end an attempt, unless the effect is settled. A
// failed attempt must still be the open one: if another instance has taken it over,
// which may succeed, appendOutcome returns errLeaseLost.
func (r effectRun[M, S, A]) appendOutcome(ctx context.Context, attempt int32, failed bool, events func(S) []Emit) error {
	for {
		s, err := r.read(ctx)
		switch {
		case err != nil:
			return err
		case !r.Pending(s.state, r.message):
			return errSettled
		case failed && (s.history.attempt != attempt || !s.history.open()):
			return errLeaseLost
		}
		if ok, err := r.runtime.write(ctx, r.cause, s.versions, int(attempt)*maxResults, events(s.state)); ok || err != nil {
			return err
		}
	}
}

// newBackoff returns the backoff of polls, and of retries to append.
func newBackoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = 50*time.Millisecond, maxPause, 2
	return b
}

const maxPause = 5 * time.Second

// sleep returns nil after the duration, or the error of the context when it ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A userError is an error whose text can be stored for users to read. Foreign servers
// answer with any bytes, and with texts of any length.
type userError struct{ error }

func (e userError) Error() string {
	const maxBytes = 1000
	text := e.error.Error()
	if len(text) > maxBytes {
		text = text[:maxBytes] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == 0 {
			return '?'
		}
		return r
	}, text)
}

func (e userError) Unwrap() error { return e.error }
