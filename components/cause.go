package components

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

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
