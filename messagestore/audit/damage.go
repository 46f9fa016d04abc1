package audit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"videotutorials/messagestore"
)

// A Kind is the kind of a damage. Its values are stable.
type Kind string

const (
	// Missing is a position without a message; in the stream All a global position.
	Missing Kind = "missing"
	// OutOfRange is a position below 0, or a global position below 1.
	OutOfRange Kind = "out-of-range"
	// DuplicatePosition is a position of several messages.
	DuplicatePosition Kind = "duplicate-position"
	// DuplicateID is a message with the id of an earlier one.
	DuplicateID Kind = "duplicate-id"
	// OutOfOrder is a message whose global position is below that of the message
	// before it in the stream.
	OutOfOrder Kind = "out-of-order"
	// NoValue is a message without an id, a stream, a type, a writer, a time or a
	// position.
	NoValue Kind = "no-value"
	// BadName is a message whose stream has an invalid name.
	BadName Kind = "bad-name"
	// BadType is a message with an invalid type.
	BadType Kind = "bad-type"
	// BadData is data that is not a JSON object. The SQL door stores any JSON, and null.
	BadData Kind = "bad-data"
	// BadMetadata is metadata that is not a JSON object.
	BadMetadata Kind = "bad-metadata"
	// NotOwner is a message whose writer did not own the stream. One damage stands for
	// all messages of a category by that writer, until another one writes to it.
	NotOwner Kind = "not-owner"
	// BadClaim is a message of category `ownership` that contradicts the owner before
	// it.
	BadClaim Kind = "bad-claim"
	// BadCheckpoint is a saved position that cannot be parsed.
	BadCheckpoint Kind = "bad-checkpoint"
	// CheckpointAhead is a saved position beyond the head.
	CheckpointAhead Kind = "checkpoint-ahead"
	// CheckpointDiverged is a saved position at which another message is stored.
	CheckpointDiverged Kind = "checkpoint-diverged"
)

// All is the stream of a damage whose positions are global.
const All messagestore.Stream = "$all"

// A Damage is an inconsistency of the log.
type Damage struct {
	Kind Kind `json:"kind"`
	// Stream is All if the positions are global. For a checkpoint of View Data it is
	// `consumer_positions/` and the id of the consumer.
	Stream messagestore.Stream `json:"stream_name"`
	// Position and LastPosition are the first and the last affected position of the
	// stream, inclusive. They differ only if one damage covers several messages. For a
	// checkpoint they are its global position.
	Position     int64 `json:"position"`
	LastPosition int64 `json:"last_position"`
	// GlobalPosition is that of the message, or 0.
	GlobalPosition int64 `json:"global_position,omitempty"`
	// Detail is a text for people.
	Detail string `json:"detail,omitempty"`
}

// String returns kind, stream, position and detail in one line. A stream with spaces
// or unprintable characters is quoted.
func (d Damage) String() string {
	stream := string(d.Stream)
	if stream == "" || strings.ContainsFunc(stream, func(r rune) bool { return r == '"' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		stream = strconv.Quote(stream)
	}
	line := fmt.Sprintf("%s %s %d", d.Kind, stream, d.Position)
	if d.LastPosition != d.Position {
		line += fmt.Sprintf("-%d", d.LastPosition)
	}
	if d.GlobalPosition != 0 {
		line += fmt.Sprintf(" at global position %d", d.GlobalPosition)
	}
	if d.Detail != "" {
		line += ": " + d.Detail
	}
	return line
}

// A reporter passes damage on. It joins damage at consecutive positions.
type reporter struct {
	to       func(Damage) error
	pending  *Damage
	reported int64
	err      error // the first one
}

func (r *reporter) add(d Damage) {
	if r.pending != nil && r.pending.precedes(d) {
		r.pending.LastPosition = d.LastPosition
		return
	}
	_ = r.flush() // the error is kept
	r.pending = &d
}

// precedes reports whether next begins where d ends, and is otherwise equal.
func (d Damage) precedes(next Damage) bool {
	if next.Position != d.LastPosition && next.Position != d.LastPosition+1 {
		return false
	}
	next.Position, next.LastPosition = d.Position, d.LastPosition
	return d.GlobalPosition == 0 && next == d
}

// flush passes the pending damage on and returns the first error.
func (r *reporter) flush() error {
	if r.pending != nil && r.err == nil {
		r.err = r.to(*r.pending)
		r.reported++
	}
	r.pending = nil
	return r.err
}
