package components

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// An Emit is a message that a decision returns. Make it with Event, EventOf or
// Command.
type Emit struct {
	message proto.Message
	// stream is the target. "": the entity's.
	stream messagestore.Stream
	// command says that it asks another component, which answers to the entity.
	command bool
}

// Event emits an event of the entity.
func Event(event proto.Message) Emit { return Emit{message: event} }

// EventOf emits an event of another entity that the component owns, the one with
// that id in the event's category.
func EventOf(id string, event proto.Message) Emit {
	return Emit{message: event, stream: contract.Category(event).Stream(id)}
}

// Command emits a command to another component's entity with that id. Its
// metadata has the own entity's stream as the origin, which the other component
// copies to the events that answer it.
func Command(id string, command proto.Message) Emit {
	return Emit{message: command, stream: contract.Category(command).Stream(id), command: true}
}

// Message returns the contract that is emitted, for tests of decisions.
func (e Emit) Message() proto.Message { return e.message }

// Stream returns the stream that it goes to, "" for the entity's.
func (e Emit) Stream() messagestore.Stream { return e.stream }
