package messagestore

import (
	"strconv"
	"time"
)

// A NewMessage is a message to be stored.
type NewMessage struct {
	// ID is a UUID chosen by the writer. It makes the write idempotent.
	ID string
	// Type is imperative for a command, such as Register, and in the past tense
	// for an event, such as Registered.
	Type string
	// Data is a JSON object.
	Data string
	// Metadata is a JSON object. Defaults to {}.
	Metadata string
}

// A Message is a stored message.
type Message struct {
	// ID is the writer's UUID, in lower case.
	ID     string
	Stream Stream
	Type   string
	// Data and Metadata are JSON objects as Postgres prints them.
	Data, Metadata string
	// Position is the position in the stream, from 0; GlobalPosition is the
	// position in the store, from 1.
	Position, GlobalPosition int64
	// Time is when the message was stored, not when the event happened.
	Time time.Time
	// Writer is the principal that appended the message.
	Writer Principal
}

// A Place is a position and the id of the message at it. The id distinguishes the
// log from one that was restored from a backup and written to since. The place
// before the first message is {0, ""}, in a stream {-1, ""}.
type Place struct {
	Position int64
	ID       string
}

// A Version is the position of a stream's last message, or an expectation of it.
type Version int64

const (
	// None is the version of an empty stream.
	None Version = -1
	// Any expects any version.
	Any Version = -2
	// Exists expects a stream with at least one message.
	Exists Version = -3
)

// String returns the number, or "none", "any" or "exists".
func (v Version) String() string {
	switch v {
	case None:
		return "none"
	case Any:
		return "any"
	case Exists:
		return "exists"
	}
	return strconv.FormatInt(int64(v), 10)
}

// A Write appends messages to a stream. Without messages it only checks the
// expected version, which is allowed in a batch alone.
type Write struct {
	Stream   Stream
	Expected Version
	Messages []NewMessage
}

// Written is the result of a Write.
type Written struct {
	// Position and GlobalPosition are those of the last message. Without messages
	// they are the version of the stream and 0.
	Position, GlobalPosition int64
	// AlreadyStored reports whether the messages were stored before. A first call
	// can return true if the store itself had to retry.
	AlreadyStored bool
}
