package components

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/protobuf/proto"

	"videotutorials/internal/tracing"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

// Handlers are the handlers of a consumer, one a kind of message.
type Handlers []Handler

// A Handler handles the messages of one kind. Make it with On or Effect.Handler.
type Handler struct {
	kind   contract.Kind
	entity func(messagestore.Message) (messagestore.Stream, error)
	handle func(ctx context.Context, f frame, m messagestore.Message, release func()) error
}

// Streams says which streams a decision about a message is made on, the entity's
// first. It is pure. None, or one that is no stream name, says that nobody can
// handle the message; it is skipped, with a line in the log.
type Streams[M proto.Message] func(M, Cause) []messagestore.Stream

// On returns the handler of the messages whose contract is M, which names their
// type and category; it panics if M is no contract. The state is the fold of all
// the streams. decide is pure; it returns what is to be emitted, or nothing if
// there is nothing to do.
func On[M proto.Message, S any](streams Streams[M], projection Projection[S], decide func(S, M, Cause) []Emit) Handler {
	var none M
	return Handler{
		kind:   contract.KindOf(none),
		entity: entityOf(streams),
		handle: func(ctx context.Context, f frame, m messagestore.Message, _ func()) error {
			message, cause, err := parse[M](m)
			if err != nil {
				return err
			}
			ctx, done := consumer.Finishing(ctx)
			defer done()
			ctx, cause, end := f.trace(ctx, cause)
			err = handle(ctx, f, cause, streams(message, cause), projection, func(state S) []Emit {
				return decide(state, message, cause)
			})
			end(err)
			return err
		},
	}
}

// entityOf returns the stream of the entity that a message is for.
func entityOf[M proto.Message](streams Streams[M]) func(messagestore.Message) (messagestore.Stream, error) {
	return func(m messagestore.Message) (messagestore.Stream, error) {
		message, cause, err := parse[M](m)
		if err != nil {
			return "", err
		}
		all := streams(message, cause)
		if err := check(all); err != nil {
			return "", err
		}
		return all[0], nil
	}
}

// A frame is what handlers work in.
type frame struct {
	consumer string
	store    messagestore.Store
	log      *slog.Logger
	// effects has room for the attempts that are made at the same time, looks for
	// the looks at what is known of them.
	effects, looks *places
}

// trace begins the span of the cause that is handled. What is emitted because of
// it is of that span.
func (f frame) trace(ctx context.Context, cause Cause) (context.Context, Cause, func(error)) {
	ctx, end := consumer.StartSpan(ctx, cause.Message, cause.Metadata.TraceParent, f.consumer)
	cause.Metadata.TraceParent = cmp.Or(tracing.Parent(ctx), cause.Metadata.TraceParent)
	return ctx, cause, end
}

// handle decides on the cause and writes what was decided, unless it is done.
func handle[S any](ctx context.Context, f frame, cause Cause, streams []messagestore.Stream, p Projection[S], decide func(S) []Emit) error {
	for {
		r, err := read(ctx, f.store, streams, p, cause.settledBy)
		if err != nil || r.settled {
			return err
		}
		emits := decide(r.state)
		if len(emits) == 0 {
			return nil
		}
		again, err := f.write(ctx, cause, r.versions, 0, emits)
		if err != nil || !again {
			return err
		}
	}
}

// A reading is what was read of streams.
type reading[S any] struct {
	state    S
	versions []version
	// settled says that the entity's stream has an event that settles the cause.
	settled bool
}

// A version is what a stream was read to.
type version struct {
	stream messagestore.Stream
	last   messagestore.Version
}

// read reads the streams to their ends. The store pages: a long stream comes
// whole.
func read[S any](ctx context.Context, store messagestore.Store, streams []messagestore.Stream, p Projection[S], settles func(messagestore.Message) bool) (r reading[S], err error) {
	for i, stream := range streams {
		v := version{stream, messagestore.None}
		for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream(stream)}) {
			if err != nil {
				return r, fmt.Errorf("read %s: %w", stream, err)
			}
			if r.state, err = p.apply(r.state, m); err != nil {
				return r, fmt.Errorf("read %s at %d: %w", stream, m.Position, err)
			}
			v.last = messagestore.Version(m.Position)
			r.settled = r.settled || i == 0 && settles(m)
		}
		r.versions = append(r.versions, v)
	}
	return r, nil
}
