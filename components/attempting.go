package components

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
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

// run returns nil when the effect is over. It calls release when the next message
// for the entity may be handled: once somebody has begun, or it has to wait.
func (a attempting[M, S, A]) run(ctx context.Context, release func()) error {
	for soon := firstPause; ; soon = min(2*soon, lastPause) {
		pause, err := a.turn(ctx, soon, release)
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

var (
	// errOver says that there is nothing left to do.
	errOver = errors.New("over")
	// errNoRoom says that an attempt is due, and has to wait for its turn.
	errNoRoom = errors.New("no room")
)

// turn makes the attempt that is due, when there is room. It returns how long to
// wait before the next one.
func (a attempting[M, S, A]) turn(ctx context.Context, soon time.Duration, release func()) (pause time.Duration, err error) {
	whose := a.whose()
	room := a.frame.effects.tryEnter(whose)
	mine, pause, err := a.look(ctx, soon, room)
	if errors.Is(err, errNoRoom) {
		release()
		if err := a.frame.effects.enter(ctx, whose); err != nil {
			return 0, err
		}
		room = true
		mine, pause, err = a.look(ctx, soon, true)
	}
	if room {
		defer a.frame.effects.leave(whose)
	}
	if err == nil && (mine.n > 0 || pause > 0) {
		release()
	}
	if err == nil && mine.n > 0 {
		err = a.attempt(ctx, mine)
	}
	return pause, err
}

// whose returns whose places the effect takes.
func (a attempting[M, S, A]) whose() string {
	if a.Whose == nil {
		return ""
	}
	return a.Whose(a.message)
}

// A tenure is an attempt that is this instance's, until then. The zero value is none.
type tenure struct {
	n     int32
	until time.Time
}

// look looks at what is known. It returns the attempt that is now this
// instance's, or how long to wait before the next look: at an attempt of
// another, which may be over soon, after soon. Without room it returns errNoRoom
// if an attempt is due. If it is to be announced the log then has heard of it,
// too: whose it is, and no number, so that what only waits has no attempt to lose.
func (a attempting[M, S, A]) look(ctx context.Context, soon time.Duration, room bool) (mine tenure, pause time.Duration, err error) {
	if err := a.frame.looks.enter(ctx, ""); err != nil {
		return tenure{}, 0, err
	}
	defer a.frame.looks.leave("")
	ctx, done := consumer.Finishing(ctx)
	defer done()

	r, all, err := a.read(ctx)
	switch {
	case err != nil:
		return tenure{}, 0, err
	case r.settled || !a.Due(r.state, a.message):
		return tenure{}, 0, errOver
	}
	if refusal := a.refusal(r.state); len(refusal) > 0 {
		again, err := a.frame.write(ctx, a.cause, r.versions, 0, refusal)
		if err == nil && !again {
			err = errOver
		}
		return tenure{}, 0, err
	}
	switch pause := all.wait(a.Pauses, time.Now()); {
	case pause > 0 && all.open():
		return tenure{}, min(pause, soon), nil
	case pause > 0:
		return tenure{}, pause, nil
	case all.spent(a.Pauses):
		// As of an attempt of its own: of the last one the log may have heard that it
		// has failed, while more were to follow.
		return tenure{}, 0, a.finish(ctx, all.n+1, a.failed(all.n, true, ErrNoResult))
	case !room && (all.heard() || !a.Announce):
		return tenure{}, 0, errNoRoom
	}
	mine = tenure{all.n + 1, time.Now().Add(a.Lease)}
	if !room {
		mine.until = time.Time{}
	}
	won, err := a.say(ctx, r.versions[0], mine.n, mine.until)
	switch {
	case err != nil || !won:
		return tenure{}, 0, err
	case !room:
		return tenure{}, 0, errNoRoom
	}
	return mine, 0, nil
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

// attempt does it, and writes what came of it.
func (a attempting[M, S, A]) attempt(ctx context.Context, mine tenure) error {
	n := mine.n
	work, done := ctx, func() {}
	if !a.Interruptible {
		work, done = consumer.Finishing(ctx)
	}
	defer done()
	held, let := a.hold(work, mine)
	defer let()
	events, failure, err := a.do(held)
	switch {
	case held.Err() != nil && (err != nil || failure != nil):
		return a.handBack(ctx, held, n) // a stop is no failure
	case err != nil:
		return err
	}
	keeping, kept := consumer.Finishing(ctx)
	defer kept()
	if failure == nil {
		return a.keep(keeping, n, func() error { return a.finish(keeping, n, func(S) []Emit { return events }) })
	}
	var permanent *PermanentError
	last := errors.As(failure, &permanent) || int(n) > len(a.Pauses)
	return a.keep(keeping, n, func() error { return a.fail(keeping, n, a.failed(n, last, tellable{failure})) })
}

// failed is Failed of a state.
func (a attempting[M, S, A]) failed(n int32, last bool, err error) func(S) []Emit {
	return func(state S) []Emit { return a.Failed(state, a.message, n, last, err) }
}

// do returns the events that say what came of it, or why it has failed. An err,
// of a panic, is for no user to read; another attempt follows.
func (a attempting[M, S, A]) do(ctx context.Context) (events []Emit, failure, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	err = consumer.Protect(func() error {
		events, failure = a.Do(ctx, a.message)
		return nil
	})
	return events, failure, err
}

// keep writes the events of an attempt, whatever it takes: to make another one
// would do it again.
func (a attempting[M, S, A]) keep(ctx context.Context, n int32, write func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := write()
		var invalid *messagestore.InvalidError
		if err == nil || errors.Is(err, errOver) || errors.Is(err, errLost) || errors.As(err, &invalid) || ctx.Err() != nil {
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
func (a attempting[M, S, A]) finish(ctx context.Context, n int32, events func(S) []Emit) error {
	return a.end(ctx, n, events, func(attempts) bool { return true })
}

// fail is finish of an attempt that has failed. It returns errLost if the attempt
// is another's by now, who may succeed.
func (a attempting[M, S, A]) fail(ctx context.Context, n int32, events func(S) []Emit) error {
	return a.end(ctx, n, events, func(all attempts) bool { return all.n == n && all.open() })
}

func (a attempting[M, S, A]) end(ctx context.Context, n int32, events func(S) []Emit, ours func(attempts) bool) error {
	for {
		r, all, err := a.read(ctx)
		switch {
		case err != nil:
			return err
		case !a.Due(r.state, a.message):
			return errOver
		case !ours(all):
			return errLost
		}
		again, err := a.frame.write(ctx, a.cause, r.versions, int(n)*maxResults, events(r.state))
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
