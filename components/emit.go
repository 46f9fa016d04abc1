package components

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// An Emit is a message that a decision returns. Make it with Event, EventOf or
// Command.
type Emit struct {
	message proto.Message
	// stream is the target, "" for the entity's stream.
	stream  messagestore.Stream
	command bool
}

// Event emits an event of the entity.
func Event(event proto.Message) Emit { return Emit{message: event} }

// EventOf emits an event of another entity of the same component: the one with the
// given id in the category of the event.
func EventOf(id string, event proto.Message) Emit {
	return Emit{message: event, stream: contract.Category(event).Stream(id)}
}

// Command emits a command to the entity with the given id of another component. The
// originStreamName in its metadata is the emitting entity's stream; the other
// component copies it to the events that answer the command.
func Command(id string, command proto.Message) Emit {
	return Emit{message: command, stream: contract.Category(command).Stream(id), command: true}
}

// Message returns the emitted message, for tests of decisions.
func (e Emit) Message() proto.Message { return e.message }

// Stream returns the target stream, "" for the entity's stream.
func (e Emit) Stream() messagestore.Stream { return e.stream }

// derive returns the id of an emitted message: a UUIDv8 whose first 48 bits are the
// time of the cause in milliseconds, so that ids stored together are adjacent in the
// index. The other bits are the first ones of the SHA-256 of
//
//	videotutorials component 1\n<consumer>\n<type of the cause>\n<id of the cause>\n<ordinal>
//
// where the consumer is its ID without the member of a group. None of the parts can
// contain a line feed.
//
// The derivation is frozen. If it changed, a message that one version of a component
// handled would be handled again when another version receives it.
func derive(consumer, causeType, causeID string, ordinal int, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "videotutorials component 1\n%s\n%s\n%s\n%d", consumer, causeType, causeID, ordinal))
	id := uuid.UUID(sum[:16])
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
