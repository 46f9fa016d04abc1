package components

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// A Cause is the message that is handled, as it is stored.
type Cause struct {
	Message  messagestore.Message
	Metadata contract.Metadata
}

// metadata returns the metadata of what is emitted into a stream because of the
// cause, on behalf of the entity.
func (c Cause) metadata(entity messagestore.Stream, e Emit) contract.Metadata {
	m := contract.Metadata{
		TraceID:                 c.Metadata.TraceID,
		UserID:                  c.Metadata.UserID,
		TraceParent:             c.Metadata.TraceParent,
		CausationMessageID:      c.Message.ID,
		CausationGlobalPosition: c.Message.GlobalPosition,
		CausationStreamName:     c.Message.Stream,
	}
	switch origin := c.Metadata.OriginStreamName; {
	case e.command:
		m.OriginStreamName = entity
	case origin != entity: // else the answer is home, and asks for none itself
		m.OriginStreamName = origin
	}
	return m
}

// emitted returns the message that is stored for the nth one that the consumer
// emits because of the cause.
func (c Cause) emitted(consumer string, entity messagestore.Stream, n int, e Emit) (messagestore.NewMessage, error) {
	data, err := contract.Marshal(e.message)
	if err != nil {
		return messagestore.NewMessage{}, err
	}
	return messagestore.NewMessage{
		ID:       derive(consumer, c.Message.Type, c.Message.ID, n, c.Message.Time),
		Type:     contract.Type(e.message),
		Data:     data,
		Metadata: c.metadata(entity, e).String(),
	}, nil
}

// settledBy reports whether the event of the entity says that the cause is done:
// it was caused by it, or by a later message of the same category. Where it tells
// of no place, or of one in another log, from which it was imported, its own counts.
func (c Cause) settledBy(event messagestore.Message) bool {
	by, err := contract.ParseMetadata(event.Metadata)
	switch {
	case err == nil && by.CausationMessageID == c.Message.ID:
		return true
	case err != nil || by.CausationMessageID == "", // the original system's
		by.CausationGlobalPosition >= event.GlobalPosition: // a cause comes before its event
		return event.GlobalPosition > c.Message.GlobalPosition
	}
	return by.CausationStreamName.Category() == c.Message.Stream.Category() &&
		by.CausationGlobalPosition > c.Message.GlobalPosition
}

// causes reports whether the event was caused by this very message.
func (c Cause) causes(event messagestore.Message) bool {
	by, err := contract.ParseMetadata(event.Metadata)
	return err == nil && by.CausationMessageID == c.Message.ID
}

// parse returns what a stored message says. Its errors say that nobody can
// handle it.
func parse[M proto.Message](m messagestore.Message) (message M, cause Cause, err error) {
	message, err = contract.Decode[M](m)
	if err != nil {
		return message, cause, err
	}
	metadata, err := contract.ParseMetadata(m.Metadata)
	return message, Cause{m, metadata}, err
}

// check returns an error if the streams are none to decide on.
func check(streams []messagestore.Stream) error {
	if len(streams) == 0 {
		return errors.New("its streams function names no stream: is a field missing, or an id no UUID?")
	}
	for _, s := range streams {
		if err := s.Check(); err != nil {
			return fmt.Errorf("stream: %w", err)
		}
	}
	return nil
}
