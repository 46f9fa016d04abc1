package components

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/semaphore"

	"videotutorials/internal/limit"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// A runtime is the environment of a consumer's handlers.
type runtime struct {
	consumer string
	store    messagestore.Store
	log      *slog.Logger
	// attempts limits the attempts of effects that run at the same time, polls the
	// reads of entities by effects that wait.
	attempts *limit.Semaphore
	polls    *semaphore.Weighted
}

// A version is the version at which a stream was read.
type version struct {
	stream messagestore.Stream
	last   messagestore.Version
}

// read folds the streams into a state. It passes each message of the first stream,
// the entity's, to observe. The store pages, so long streams are read whole.
func read[S any](ctx context.Context, store messagestore.Store, streams []messagestore.Stream, p Projection[S], observe func(messagestore.Message) error) (state S, versions []version, err error) {
	for i, stream := range streams {
		v := version{stream, messagestore.None}
		for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream(stream)}) {
			if err != nil {
				return state, nil, fmt.Errorf("read %s: %w", stream, err)
			}
			if state, err = p.apply(state, m); err == nil && i == 0 {
				err = observe(m)
			}
			if err != nil {
				return state, nil, fmt.Errorf("read %s at %d: %w", stream, m.Position, err)
			}
			v.last = messagestore.Version(m.Position)
		}
		versions = append(versions, v)
	}
	return state, versions, nil
}

// write appends the messages that were decided because of the cause, all or nothing.
// It reports false, and appends nothing, if one of the streams that were read, the
// entity's first, has another version now. first is the ordinal of the first message.
//
// A conflict of a derived id means that another version of the component has already
// handled the cause, so write reports true.
func (r runtime) write(ctx context.Context, cause Cause, read []version, first int, emits []Emit) (ok bool, err error) {
	batch, err := r.batch(cause, read, first, emits)
	if err != nil {
		return false, err
	}
	_, err = r.store.WriteBatch(ctx, batch...)
	var (
		conflict *messagestore.VersionConflictError
		stored   *messagestore.IDConflictError
	)
	switch {
	case errors.As(err, &conflict):
		return false, nil
	case errors.As(err, &stored):
		r.log.WarnContext(ctx, "handled before, with another outcome", "message", cause.Message.ID,
			"traceId", cause.Metadata.TraceID, "stream", stored.StoredStream, "error", err)
	case err != nil:
		return false, fmt.Errorf("write for %s: %w", read[0].stream, err)
	}
	return true, nil
}

// batch returns one write for each stream that was read or is written. A write
// without messages only checks the version.
func (r runtime) batch(cause Cause, read []version, first int, emits []Emit) (writes []messagestore.Write, err error) {
	entity := read[0].stream
	to := func(stream messagestore.Stream) *messagestore.Write {
		for i := range writes {
			if writes[i].Stream == stream {
				return &writes[i]
			}
		}
		expected := messagestore.Any
		for _, v := range read {
			if v.stream == stream {
				expected = v.last
			}
		}
		writes = append(writes, messagestore.Write{Stream: stream, Expected: expected})
		return &writes[len(writes)-1]
	}
	for n, e := range emits {
		if e.stream == "" {
			e.stream = entity
		}
		if category := contract.Category(e.message); e.stream.Category() != category {
			return nil, fmt.Errorf("the decision emits %s as an event of %s, but its category is %s: use Command or EventOf",
				contract.Type(e.message), e.stream, category)
		}
		m, err := cause.emit(r.consumer, entity, first+n, e)
		if err != nil {
			return nil, err
		}
		w := to(e.stream)
		w.Messages = append(w.Messages, m)
	}
	for _, v := range read {
		to(v.stream)
	}
	return writes, nil
}
