package components

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/contract"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// maxResults bounds what an attempt emits. It is part of the derivation of ids.
const maxResults = 100

// An attempting is an effect that is done because of one message.
type attempting[M proto.Message, S any, A Attempted] struct {
	Effect[M, S, A]
	frame   frame
	message M
	cause   Cause
}

// run returns nil when the effect is over.
func (a attempting[M, S, A]) run(ctx context.Context) error {
	for look := firstPause; ; look = min(2*look, lastPause) {
		pause, err := a.step(ctx, look)
		switch {
		case errors.Is(err, errOver):
			return nil
		case err != nil:
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// errOver says that there is nothing left to do.
var errOver = errors.New("over")

// step makes the next attempt, or returns how long to wait before it is looked at
// again: at an attempt of another, which may be over soon, after look.
func (a attempting[M, S, A]) step(ctx context.Context, look time.Duration) (pause time.Duration, err error) {
	select {
	case a.frame.effects <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-a.frame.effects }()
	ctx, done := consumer.Finishing(ctx)
	defer done()

	r, all, err := a.read(ctx)
	if err != nil {
		return 0, err
	}
	if !a.Due(r.state, a.message) {
		return 0, errOver
	}
	now := time.Now()
	if pause := all.wait(a.Pauses, now); pause > 0 {
		if all.open() {
			return min(pause, look), nil
		}
		return pause, nil
	}
	if all.spent(a.Pauses) {
		return 0, a.finish(ctx, all.n, a.Failed(a.message, all.n, true, ErrNoResult))
	}
	won, err := a.claim(ctx, r.versions[0], all.n+1, now)
	if err != nil || !won {
		return 0, err
	}
	return 0, a.attempt(ctx, all.n+1)
}

// read reads the entity, and what its stream says of the attempts.
func (a attempting[M, S, A]) read(ctx context.Context) (r reading[S], all attempts, err error) {
	var attempted A
	kind := contract.KindOf(attempted)
	var broken error
	r, err = read(ctx, a.frame.store, a.Entity(a.message, a.cause)[:1], a.Projection, func(m messagestore.Message) bool {
		if (contract.Kind{Category: m.Stream.Category(), Type: m.Type}) != kind {
			all = all.hear(m)
			return false
		}
		event, by, err := parse[A](m)
		broken = errors.Join(broken, err)
		all = all.begin(event, by.Metadata.CausationMessageID)
		return false
	})
	return r, all, errors.Join(err, broken)
}

// claim appends that an attempt begins, and reports whether it is this
// instance's. The id is no derived one: two instances that begin at the same
// moment would both be told that their event is stored.
func (a attempting[M, S, A]) claim(ctx context.Context, entity version, n int32, now time.Time) (won bool, err error) {
	event := Event(a.Attempted(a.message, n, now.Add(2*a.Timeout)))
	m, err := a.cause.emitted(a.frame.consumer, entity.stream, 0, event)
	if err != nil {
		return false, err
	}
	m.ID = uuid.NewString()
	_, err = a.frame.store.Write(ctx, entity.stream, entity.last, m)
	var conflict *messagestore.VersionConflictError
	if errors.As(err, &conflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("begin attempt %d in %s: %w", n, entity.stream, err)
	}
	return true, nil
}

// attempt does it and writes what came of it.
func (a attempting[M, S, A]) attempt(ctx context.Context, n int32) error {
	bounded, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	var events []Emit
	var failure error
	if err := consumer.Protect(func() error {
		events, failure = a.Do(bounded, a.message)
		return nil
	}); err != nil {
		return err // it is for no user to read, and another attempt follows
	}
	if ctx.Err() != nil {
		return ctx.Err() // a stop is no failure
	}
	if failure != nil {
		var permanent *PermanentError
		last := errors.As(failure, &permanent) || int(n) > len(a.Pauses)
		events = a.Failed(a.message, n, last, failure)
	}
	return a.keep(ctx, n, events)
}

// keep writes the events of an attempt, whatever it takes: to make another one
// would do it again.
func (a attempting[M, S, A]) keep(ctx context.Context, n int32, events []Emit) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := a.finish(ctx, n, events)
		var invalid *messagestore.InvalidError
		if err == nil || errors.Is(err, errOver) || errors.As(err, &invalid) || ctx.Err() != nil {
			return err
		}
		a.frame.log.WarnContext(ctx, "what came of an attempt is not stored, trying again", "attempt", n,
			"message", a.cause.Message.ID, "error", err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// The pause between tries to store what came of an attempt, and between looks at
// one of another, grows from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// finish writes the events of an attempt, unless the effect is over.
func (a attempting[M, S, A]) finish(ctx context.Context, n int32, events []Emit) error {
	for {
		r, _, err := a.read(ctx)
		if err != nil {
			return err
		}
		if !a.Due(r.state, a.message) {
			return errOver
		}
		again, err := a.frame.write(ctx, a.cause, r.versions, int(n)*maxResults, events)
		if err != nil || !again {
			return err
		}
	}
}

// sleep returns nil after the pause, and the context's error if that ends before.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
