package components

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"videotutorials/internal/tracing"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

// Handlers are the handlers of a consumer, at most one for each kind of message.
type Handlers []Handler

// A Handler handles the messages of one kind. Make it with On or Effect.Handler.
type Handler struct {
	kind contract.Kind
	// prepare decodes a message. Its error means that the message cannot be handled.
	prepare func(runtime, messagestore.Message) (consumer.Task, error)
}

// A job is one message to handle.
type job[M proto.Message] struct {
	runtime runtime
	message M
	cause   Cause
	// streams are the streams to decide on, the entity's first.
	streams []messagestore.Stream
}

// Streams returns the streams on which the decision about a message depends, the
// entity's stream first. It is pure. If it returns none, or one with an invalid
// name, the message is skipped and an error is logged.
type Streams[M proto.Message] func(M, Cause) []messagestore.Stream

// EntityOf returns the stream with the given id in the category of event type E, for
// use in a Streams function. The id must be a UUID in canonical form; for any other,
// such as "undefined", EntityOf returns nil, so the message is skipped. It panics if
// E is not a contract.
func EntityOf[E proto.Message](id string) []messagestore.Stream {
	if !contract.IsUUID(id) {
		return nil
	}
	var event E
	return []messagestore.Stream{contract.Category(event).Stream(id)}
}

// On returns the handler of messages of contract M, which determines their type and
// category. The state passed to decide is the fold of all streams. decide is pure and
// returns the messages to append, or nothing. On panics if M is not a contract.
func On[M proto.Message, S any](streams Streams[M], projection Projection[S], decide func(S, M, Cause) []Emit) Handler {
	return newHandler(streams, func(ctx context.Context, j job[M], _ func()) error {
		ctx, done := consumer.Finishing(ctx)
		defer done()
		for {
			settled := false
			state, versions, err := read(ctx, j.runtime.store, j.streams, projection, func(m messagestore.Message) error {
				settled = settled || j.cause.settledBy(m)
				return nil
			})
			if err != nil || settled {
				return err
			}
			emits := decide(state, j.message, j.cause)
			if len(emits) == 0 {
				return nil
			}
			if ok, err := j.runtime.write(ctx, j.cause, versions, 0, emits); ok || err != nil {
				return err
			}
		}
	})
}

func newHandler[M proto.Message](streams Streams[M], handle func(context.Context, job[M], func()) error) Handler {
	var none M
	return Handler{contract.KindOf(none), func(r runtime, m messagestore.Message) (consumer.Task, error) {
		message, cause, err := parse[M](m)
		if err != nil {
			return consumer.Task{}, err
		}
		j := job[M]{r, message, cause, streams(message, cause)}
		if len(j.streams) == 0 {
			return consumer.Task{}, errors.New("the Streams function returned no stream: a field may be missing, or an id may not be a UUID")
		}
		for _, s := range j.streams {
			if err := s.Check(); err != nil {
				return consumer.Task{}, fmt.Errorf("stream: %w", err)
			}
		}
		return consumer.Task{Entity: j.streams[0], Run: func(ctx context.Context, release func()) error {
			ctx, end := consumer.StartSpan(ctx, m, cause.Metadata.TraceParent, r.consumer)
			j := j
			j.cause.Metadata.TraceParent = cmp.Or(tracing.Parent(ctx), cause.Metadata.TraceParent)
			err := handle(ctx, j, release)
			end(err)
			return err
		}}, nil
	}}
}

// A Projection folds events into a state S, starting from its zero value. Events
// without a fold are ignored.
type Projection[S any] []Fold[S]

// A Fold folds events of one kind into a state. Make it with When.
type Fold[S any] struct {
	kind contract.Kind
	fold func(S, messagestore.Message) (S, error)
}

// When returns the fold of events of contract E, which determines their type and
// category. fold is pure. When panics if E is not a contract.
func When[S any, E proto.Message](fold func(S, E) S) Fold[S] {
	var none E
	return Fold[S]{contract.KindOf(none), func(state S, m messagestore.Message) (S, error) {
		event, err := contract.Decode[E](m)
		if err != nil {
			return state, err
		}
		return fold(state, event), nil
	}}
}

func (p Projection[S]) apply(state S, m messagestore.Message) (S, error) {
	for _, f := range p {
		if f.kind == kindOf(m) {
			return f.fold(state, m)
		}
	}
	return state, nil
}
