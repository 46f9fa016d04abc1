package contract

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

// NewID returns a new message id, a UUID of version 7. Such ids grow with time, so
// that the newest ids of a log are adjacent in the index of the database: a random
// id would write a page of its own there.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseUUID parses a UUID of 36 characters, such as
// 5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b, in either case, and reports whether text
// is one. Unlike uuid.Parse it rejects braces, a urn prefix and a form without
// dashes.
func ParseUUID(text string) (id uuid.UUID, ok bool) {
	const length = 36
	if len(text) != length {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

// IsUUID reports whether text is a UUID in canonical form: 36 characters in lower
// case.
func IsUUID(text string) bool {
	id, ok := ParseUUID(text)
	return ok && id.String() == text
}

// Metadata is the metadata of a message. The keys traceId and userId are always
// stored, the others if they have a value.
type Metadata struct {
	// TraceID is the id of the request. A message has the trace id of its cause.
	TraceID string `json:"traceId"`
	// UserID is the acting user, nil if anonymous.
	UserID *string `json:"userId"`
	// CausationMessageID, CausationGlobalPosition and CausationStreamName identify
	// the message that caused this one.
	CausationMessageID      string              `json:"causationMessageId,omitempty"`
	CausationGlobalPosition int64               `json:"causationGlobalPosition,omitempty"`
	CausationStreamName     messagestore.Stream `json:"causationStreamName,omitempty"`
	// TraceParent is the W3C trace context.
	TraceParent string `json:"traceparent,omitempty"`
	// OriginStreamName is the stream of the entity that sent a command. The
	// component that handles the command copies it to its events, so that the
	// sender recognizes them.
	OriginStreamName messagestore.Stream `json:"originStreamName,omitempty"`
	// CorrelationStreamName is Message DB's name for the same.
	CorrelationStreamName messagestore.Stream `json:"correlationStreamName,omitempty"`
}

// String returns the JSON object that is stored.
func (m Metadata) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal metadata: %v", err)) // it has only strings and a number
	}
	return string(text)
}

// ParseMetadata parses stored metadata. Unknown keys are ignored, absent ones leave
// the zero value. It returns an error if text is not a JSON object or a value does
// not fit.
func ParseMetadata(text string) (Metadata, error) {
	var m Metadata
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return Metadata{}, fmt.Errorf("parse metadata: %w", err)
	}
	return m, nil
}
