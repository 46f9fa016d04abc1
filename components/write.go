package components

import (
	"context"
	"errors"
	"fmt"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// write writes what was decided because of the cause, all or nothing, if the
// streams that were read, the entity's first, are still as they were. Again says
// that they are not, and nothing was written. first is the ordinal of the first
// message.
//
// A conflict of a derived id means that the cause is done: somebody has decided
// otherwise, by another version of the component.
func (f frame) write(ctx context.Context, cause Cause, read []version, first int, emits []Emit) (again bool, err error) {
	batch, err := f.batch(cause, read, first, emits)
	if err != nil {
		return false, err
	}
	_, err = f.store.WriteBatch(ctx, batch...)
	var (
		version *messagestore.VersionConflictError
		stored  *messagestore.IDConflictError
	)
	switch {
	case errors.As(err, &version):
		return true, nil
	case errors.As(err, &stored):
		f.log.WarnContext(ctx, "done before, with another outcome", "message", cause.Message.ID,
			"traceId", cause.Metadata.TraceID, "id", stored.ID, "stream", stored.StoredStream)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("write %s: %w", refused(batch, read[0].stream, err), err)
	}
	return false, nil
}

// refused returns the stream that the error is about, where it names a category,
// else the entity's.
func refused(batch []messagestore.Write, entity messagestore.Stream, err error) messagestore.Stream {
	var foreign *messagestore.NotOwnerError
	if errors.As(err, &foreign) {
		for _, w := range batch {
			if w.Stream.Category() == foreign.Category {
				return w.Stream
			}
		}
	}
	return entity
}

// batch returns a write for each stream that was read, a mere check where
// nothing is to be written, and for each other one that is written.
func (f frame) batch(cause Cause, read []version, first int, emits []Emit) ([]messagestore.Write, error) {
	entity := read[0].stream
	expected := map[messagestore.Stream]messagestore.Version{}
	for _, v := range read {
		expected[v.stream] = v.last
	}
	var writes []messagestore.Write
	at := map[messagestore.Stream]int{}
	for n, e := range emits {
		stream := e.stream
		if stream == "" {
			stream = entity
		}
		if category := contract.Category(e.message); stream.Category() != category {
			return nil, fmt.Errorf("the decision emits %s as an event of %s, but its category is %s: use Command or EventOf",
				contract.Type(e.message), stream, category)
		}
		m, err := cause.emitted(f.consumer, entity, first+n, e)
		if err != nil {
			return nil, err
		}
		i, ok := at[stream]
		if !ok {
			i = len(writes)
			at[stream] = i
			v, known := expected[stream]
			if !known {
				v = messagestore.Any
			}
			writes = append(writes, messagestore.Write{Stream: stream, Expected: v})
		}
		writes[i].Messages = append(writes[i].Messages, m)
	}
	for _, v := range read {
		if _, written := at[v.stream]; !written {
			writes = append(writes, messagestore.Write{Stream: v.stream, Expected: v.last})
		}
	}
	return writes, nil
}
