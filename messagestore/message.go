package messagestore

import (
	"strconv"
	"time"
)

// A NewMessage is a message to be stored.
type NewMessage struct {
	// ID is a UUID, chosen by the writer: it makes the write idempotent.
	ID string
	// Type is a word of the business: imperative for a command, past tense for
	// an event.
	Type string
	// Data is a JSON object.
	Data string
	// Metadata is a JSON object. Defaults to {}.
	Metadata string
}

// A Message is a stored message.
type Message struct {
	// ID is the writer's UUID, lower-case.
	ID     string
	Stream Stream
	Type   string
	// Data and Metadata are JSON objects as Postgres prints them.
	Data, Metadata string
	// Position counts from 0 in the stream, GlobalPosition from 1 in the store.
	Position, GlobalPosition int64
	// Time is when the message was stored: infrastructure's time, not the
	// domain's.
	Time time.Time
	// Writer is who appended it.
	Writer Principal
}

// A Place is a place in the log: a position, and the id of the message at it. By
// the id a log that was restored and written on is told from the one that was
// read. Before the first message it is {0, ""}, for a stream {-1, ""}.
type Place struct {
	Position int64
	ID       string
}

// A Version is the position of a stream's last message; a writer may expect one.
type Version int64

const (
	// None is the version of an empty stream.
	None Version = -1
	// Any expects nothing.
	Any Version = -2
	// Exists expects that the stream has a message.
	Exists Version = -3
)

// String returns the number, or what the writer expects: none, any, exists.
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

// A Write is messages for one stream. Without messages it is a check of the
// expected version alone, which only a batch may have.
type Write struct {
	Stream   Stream
	Expected Version
	Messages []NewMessage
}

// Written is where the messages of a Write are.
type Written struct {
	// Position and GlobalPosition are those of the last message written. For a
	// check alone they are the stream's version and 0.
	Position, GlobalPosition int64
	// AlreadyStored says that the messages were there before. It can be so on a
	// first call, where the store itself tried twice.
	AlreadyStored bool
}
