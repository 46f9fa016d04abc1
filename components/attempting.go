package components

import (
	"context"
	"errors"
	"time"

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

// run returns nil when the effect is over. It calls release once the log says
// that somebody has begun.
func (a attempting[M, S, A]) run(ctx context.Context, release func()) error {
	for look := firstPause; ; look = min(2*look, lastPause) {
		n, pause, err := a.look(ctx, look)
		if err == nil && (n > 0 || pause > 0) {
			release()
		}
		if err == nil && n > 0 {
			err = a.attempt(ctx, n)
		}
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

// look looks at what is known. It returns the number of the attempt that is now
// this instance's, or how long to wait before the next look: at an attempt of
// another, which may be over soon, after soon.
func (a attempting[M, S, A]) look(ctx context.Context, soon time.Duration) (n int32, pause time.Duration, err error) {
	if err := enter(ctx, a.frame.looks); err != nil {
		return 0, 0, err
	}
	defer leave(a.frame.looks)
	ctx, done := consumer.Finishing(ctx)
	defer done()

	r, all, err := a.read(ctx)
	switch {
	case err != nil:
		return 0, 0, err
	case r.settled || !a.Due(r.state, a.message):
		return 0, 0, errOver
	}
	if refusal := a.refusal(r.state); len(refusal) > 0 {
		again, err := a.frame.write(ctx, a.cause, r.versions, 0, refusal)
		if err == nil && !again {
			err = errOver
		}
		return 0, 0, err
	}
	switch pause := all.wait(a.Pauses, time.Now()); {
	case pause > 0 && all.open():
		return 0, min(pause, soon), nil
	case pause > 0:
		return 0, pause, nil
	case all.spent(a.Pauses):
		return 0, 0, a.finish(ctx, all.n, a.Failed(a.message, all.n, true, ErrNoResult))
	}
	won, err := a.say(ctx, r.versions[0], all.n+1, time.Now().Add(a.Lease))
	if err != nil || !won {
		return 0, 0, err
	}
	return all.n + 1, 0, nil
}

func (a attempting[M, S, A]) refusal(state S) []Emit {
	if a.Refuse == nil {
		return nil
	}
	return a.Refuse(state, a.message)
}

// read reads the entity, and what its stream says of the attempts. Settled says
// that the message was refused.
func (a attempting[M, S, A]) read(ctx context.Context) (r reading[S], all attempts, err error) {
	var attempted A
	kind := contract.KindOf(attempted)
	var broken error
	r, err = read(ctx, a.frame.store, a.Entity(a.message, a.cause)[:1], a.Projection, func(m messagestore.Message) bool {
		if (contract.Kind{Category: m.Stream.Category(), Type: m.Type}) != kind {
			all = all.hear(m)
			return all.cause != a.cause.Message.ID && a.cause.causes(m)
		}
		event, by, err := parse[A](m)
		broken = errors.Join(broken, err)
		all = all.begin(event, by.Metadata.CausationMessageID)
		return false
	})
	return r, all, errors.Join(err, broken)
}

// attempt does it when it is its turn, and writes what came of it.
func (a attempting[M, S, A]) attempt(ctx context.Context, n int32) error {
	work, done := ctx, func() {}
	if !a.Interruptible {
		work, done = consumer.Finishing(ctx)
	}
	defer done()
	held, let := a.hold(work, n)
	defer let()
	// Who only waits for a turn need not finish.
	turn, cancel := context.WithCancel(held)
	defer context.AfterFunc(ctx, cancel)()
	if err := enter(turn, a.frame.effects); err != nil {
		return a.handBack(ctx, held, n)
	}
	events, err := a.do(held, n)
	leave(a.frame.effects)
	if held.Err() != nil {
		return a.handBack(ctx, held, n) // a stop is no failure
	}
	if err != nil {
		return err
	}
	keeping, kept := consumer.Finishing(ctx)
	defer kept()
	return a.keep(keeping, n, events)
}

// do returns the events that say what came of it. An error, of a panic, is for no
// user to read; another attempt follows.
func (a attempting[M, S, A]) do(ctx context.Context, n int32) (events []Emit, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	var failure error
	err = consumer.Protect(func() error {
		events, failure = a.Do(ctx, a.message)
		return nil
	})
	if err != nil || failure == nil {
		return events, err
	}
	var permanent *PermanentError
	last := errors.As(failure, &permanent) || int(n) > len(a.Pauses)
	return a.Failed(a.message, n, last, failure), nil
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

// enter returns nil when there is room, and the context's error if that ends
// before.
func enter(ctx context.Context, room chan struct{}) error {
	select {
	case room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func leave(room chan struct{}) { <-room }
