package messagestore

import (
	"crypto/md5" //nolint:gosec // Message DB's hash of a stream, not a secret.
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
)

// A Source is what is read: a stream, categories or everything. Make it with
// OfStream, OfCategories or OfAll; the zero Source is none.
type Source struct {
	// Stream is the stream, if the source is one.
	Stream Stream
	// Categories are the categories, if the source is some.
	Categories []Category
	// All says that the source is everything.
	All bool
}

// OfStream is the messages of a stream. Its positions are the stream's.
func OfStream(s Stream) Source { return Source{Stream: s} }

// OfCategories is the messages of categories, in one order. Its positions are
// global ones.
func OfCategories(c ...Category) Source { return Source{Categories: c} }

// OfAll is every message. Its positions are global ones.
func OfAll() Source { return Source{All: true} }

// IsStream reports whether the source counts stream positions.
func (s Source) IsStream() bool { return s.Stream != "" }

// Has reports whether m is one of the source's messages.
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

// A Filter narrows a source. What it skips still moves the position. The zero
// Filter skips nothing. On a single stream only Types applies.
type Filter struct {
	// Types, if any, are the only types.
	Types []string
	// Group, if not nil, is the member whose share of the streams is read.
	Group *ConsumerGroup
	// Origin and Correlation, if not empty, are the category that the metadata
	// `originStreamName` and `correlationStreamName` must have.
	Origin, Correlation Category
}

// A ConsumerGroup is one member of a group that shares a source: each stream is
// read by one of them. Member counts from 0.
type ConsumerGroup struct {
	Member, Size int32
}

// Passes reports whether the filter lets m through.
func (f *Filter) Passes(m *Message) bool {
	if len(f.Types) > 0 && !slices.Contains(f.Types, m.Type) {
		return false
	}
	if f.Group != nil && !f.Group.has(m.Stream) {
		return false
	}
	if f.Origin == "" && f.Correlation == "" {
		return true
	}
	var metadata map[string]any
	if json.Unmarshal([]byte(m.Metadata), &metadata) != nil {
		return false
	}
	return named(metadata, "originStreamName", f.Origin) && named(metadata, "correlationStreamName", f.Correlation)
}

// named reports whether the metadata names a stream of the category by that key.
// The empty category is every one.
func named(metadata map[string]any, key string, category Category) bool {
	stream, _ := metadata[key].(string)
	return category == "" || Stream(stream).Category() == category
}

// has is Message DB's rule: the absolute value of the first 8 bytes of the md5
// of the cardinal id, modulo the size.
func (g *ConsumerGroup) has(s Stream) bool {
	sum := md5.Sum([]byte(s.CardinalID())) //nolint:gosec // as above
	hash := int64(binary.BigEndian.Uint64(sum[:8]))
	if hash == math.MinInt64 {
		hash = 0 // has no absolute value, and must still be somebody's
	}
	if hash < 0 {
		hash = -hash
	}
	return hash%int64(g.Size) == int64(g.Member)
}
