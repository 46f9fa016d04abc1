package audit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"videotutorials/messagestore"
)

// A Kind is a word for a kind of damage. The words are stable.
type Kind string

const (
	// Missing is a position that no message has; in the stream All a global one.
	Missing Kind = "missing"
	// OutOfRange is a position below 0, or a global one below 1.
	OutOfRange Kind = "out-of-range"
	// DuplicatePosition is a position that several messages have.
	DuplicatePosition Kind = "duplicate-position"
	// DuplicateID is a message whose id another before it has.
	DuplicateID Kind = "duplicate-id"
	// OutOfOrder is a message whose global position is below that of the message
	// before it in the stream.
	OutOfOrder Kind = "out-of-order"
	// NoValue is a message without an id, a stream, a type, a writer, a time or a
	// position.
	NoValue Kind = "no-value"
	// BadName is a message of a stream whose name is none.
	BadName Kind = "bad-name"
	// BadType is a message whose type is none.
	BadType Kind = "bad-type"
	// BadData is data that is no JSON object. What came through the SQL door may
	// be any JSON, and none.
	BadData Kind = "bad-data"
	// BadMetadata is metadata that is no JSON object.
	BadMetadata Kind = "bad-metadata"
	// NotOwner is a message whose writer did not own the stream. One line stands
	// for all such messages of a category by one writer, until another writes to
	// it.
	NotOwner Kind = "not-owner"
	// BadClaim is a message of category `ownership` that does not fit those before
	// it: Claimed for what another owned, Transferred from who did not own it.
	BadClaim Kind = "bad-claim"
	// BadCheckpoint is a consumer's position that cannot be read.
	BadCheckpoint Kind = "bad-checkpoint"
	// CheckpointAhead is a consumer's position beyond the head.
	CheckpointAhead Kind = "checkpoint-ahead"
	// CheckpointDiverged is a consumer's position where it has handled another
	// message.
	CheckpointDiverged Kind = "checkpoint-diverged"
)

// All stands for the stream where a global position is meant.
const All messagestore.Stream = "$all"

// A Damage is one thing that is wrong in the log.
type Damage struct {
	Kind Kind `json:"kind"`
	// Stream is All where the positions are global ones. Of a checkpoint of View
	// Data it is `consumer_positions/` and the consumer's id.
	Stream messagestore.Stream `json:"stream_name"`
	// Position and LastPosition are the first and the last in the stream that it
	// is about, inclusive. Of a checkpoint they are the global position that it
	// names. LastPosition is Position unless many are in one line.
	Position     int64 `json:"position"`
	LastPosition int64 `json:"last_position"`
	// GlobalPosition is that of the message, 0 where it is not about one.
	GlobalPosition int64 `json:"global_position,omitempty"`
	// Detail is for people.
	Detail string `json:"detail,omitempty"`
}

// String returns kind, stream, position and what is for people, as one line. A
// stream with spaces or what cannot be printed is quoted.
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

// A reporter passes on what is found. What goes on where the one before ended
// becomes one with it.
type reporter struct {
	to      func(Damage) error
	pending *Damage
	passed  int64
	err     error
}

func (r *reporter) add(d Damage) {
	if r.pending != nil && r.pending.goesOn(d) {
		r.pending.LastPosition = d.LastPosition
		return
	}
	_ = r.flush() // it keeps its error
	r.pending = &d
}

// goesOn reports whether the other begins where d ended, and is the same.
func (d Damage) goesOn(next Damage) bool {
	if next.Position != d.LastPosition && next.Position != d.LastPosition+1 {
		return false
	}
	next.Position, next.LastPosition = d.Position, d.LastPosition
	return d.GlobalPosition == 0 && next == d
}

// flush passes on what is held back, and returns the first error of all.
func (r *reporter) flush() error {
	if r.pending != nil && r.err == nil {
		r.err = r.to(*r.pending)
		r.passed++
	}
	r.pending = nil
	return r.err
}
