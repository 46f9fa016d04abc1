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

// A Cause is the stored message that is being handled.
type Cause struct {
	Message  messagestore.Message
	Metadata contract.Metadata
}

// parse decodes a stored message. Its errors mean that the message cannot be handled.
func parse[M proto.Message](m messagestore.Message) (message M, cause Cause, err error) {
	if message, err = contract.Decode[M](m); err != nil {
		return message, cause, err
	}
	metadata, err := contract.ParseMetadata(m.Metadata)
	return message, Cause{m, metadata}, err
}

// emit returns the message to append for the nth message that the consumer emits
// because of the cause, for an entity.
func (c Cause) emit(consumer string, entity messagestore.Stream, n int, e Emit) (messagestore.NewMessage, error) {
	data, err := contract.Marshal(e.message)
	if err != nil {
		return messagestore.NewMessage{}, err
	}
	metadata := contract.Metadata{
		TraceID:                 c.Metadata.TraceID,
		UserID:                  c.Metadata.UserID,
		TraceParent:             c.Metadata.TraceParent,
		CausationMessageID:      c.Message.ID,
		CausationGlobalPosition: c.Message.GlobalPosition,
		CausationStreamName:     c.Message.Stream,
	}
	switch origin := c.Metadata.OriginStreamName; {
	case e.command:
		metadata.OriginStreamName = entity
	case origin != entity: // an answer that has reached its origin needs no answer itself
		metadata.OriginStreamName = origin
	}
	return messagestore.NewMessage{
		ID:       derive(consumer, c.Message.Type, c.Message.ID, n, c.Message.Time),
		Type:     contract.Type(e.message),
		Data:     data,
		Metadata: metadata.String(),
	}, nil
}

// settledBy reports whether an event of the entity shows that the cause was handled:
// the event was caused by it, or by a later message of the same category. If the
// event names no cause, or one that is not in this log because the event was
// imported, its own position is compared.
func (c Cause) settledBy(event messagestore.Message) bool {
	by, err := contract.ParseMetadata(event.Metadata)
	switch {
	case err == nil && by.CausationMessageID == c.Message.ID:
		return true
	case err != nil || by.CausationMessageID == "", // of the original system
		by.CausationGlobalPosition >= event.GlobalPosition: // imported: a cause precedes its event
		return event.GlobalPosition > c.Message.GlobalPosition
	}
	return by.CausationStreamName.Category() == c.Message.Stream.Category() &&
		by.CausationGlobalPosition > c.Message.GlobalPosition
}

// causedBy reports whether the message with the id caused the event.
func causedBy(event messagestore.Message, id string) bool {
	by, err := contract.ParseMetadata(event.Metadata)
	return err == nil && by.CausationMessageID == id
}
