package messagestore

import (
	"crypto/md5" //nolint:gosec // Message DB's hash of a stream, not a secret.
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
)

// A Source is the set of messages to read: a stream, some categories or all
// messages. Make it with OfStream, OfCategories or OfAll.
type Source struct {
	Stream     Stream
	Categories []Category
	All        bool
}

// OfStream returns the source of a stream's messages, with stream positions.
func OfStream(s Stream) Source { return Source{Stream: s} }

// OfCategories returns the source of the messages of the categories, in one order,
// with global positions.
func OfCategories(c ...Category) Source { return Source{Categories: c} }

// OfAll returns the source of all messages, with global positions.
func OfAll() Source { return Source{All: true} }

// IsStream reports whether the source has stream positions.
func (s Source) IsStream() bool { return s.Stream != "" }

// Has reports whether m belongs to the source.
func (s Source) Has(m *Message) bool {
	switch {
	case s.All:
		return true
	case s.IsStream():
		return m.Stream == s.Stream
	}
	return slices.Contains(s.Categories, m.Stream.Category())
}

// Place returns the place of m in the positions of the source.
func (s Source) Place(m *Message) Place {
	if s.IsStream() {
		return Place{m.Position, m.ID}
	}
	return Place{m.GlobalPosition, m.ID}
}

// A Filter skips messages of a source. The zero Filter skips none. Only Types
// applies to the source of a stream.
type Filter struct {
	// Types, if not empty, are the types to pass.
	Types []string
	// Group, if not nil, passes the streams of one member of a consumer group.
	Group *ConsumerGroup
	// Origin and Correlation, if not empty, are the required categories of the
	// streams in the metadata `originStreamName` and `correlationStreamName`.
	Origin, Correlation Category
}

// A ConsumerGroup is one member of a group that divides the streams of a source.
// Member counts from 0.
type ConsumerGroup struct {
	Member, Size int32
}

// Passes reports whether the filter passes m.
func (f *Filter) Passes(m *Message) bool {
	if len(f.Types) > 0 && !slices.Contains(f.Types, m.Type) {
		return false
	}
	if f.Group != nil && !f.Group.Has(m.Stream) {
		return false
	}
	if f.Origin == "" && f.Correlation == "" {
		return true
	}
	var metadata map[string]any
	if json.Unmarshal([]byte(m.Metadata), &metadata) != nil {
		return false
	}
	return hasStream(metadata, "originStreamName", f.Origin) && hasStream(metadata, "correlationStreamName", f.Correlation)
}

// hasStream reports whether the metadata has a stream of the category, if not "",
// at the key.
func hasStream(metadata map[string]any, key string, category Category) bool {
	stream, _ := metadata[key].(string)
	return category == "" || Stream(stream).Category() == category
}

// Has reports whether the stream belongs to the member. It is Message DB's rule: the
// absolute value of the first 8 bytes of the md5 of the cardinal id, modulo the size.
func (g *ConsumerGroup) Has(s Stream) bool {
	sum := md5.Sum([]byte(s.CardinalID())) //nolint:gosec // as above
	hash := int64(binary.BigEndian.Uint64(sum[:8]))
	if hash == math.MinInt64 {
		hash = 0 // it has no absolute value
	}
	if hash < 0 {
		hash = -hash
	}
	return hash%int64(g.Size) == int64(g.Member)
}
