package contract

import (
	"encoding/json"
	"fmt"

	"videotutorials/messagestore"
)

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
