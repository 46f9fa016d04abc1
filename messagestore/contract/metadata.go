package contract

import (
	"encoding/json"
	"fmt"

	"videotutorials/messagestore"
)

// Metadata is what a message says about where it comes from. The keys are those
// of the original system and ours; traceId and userId are always there, the
// others where they have a value.
type Metadata struct {
	// TraceID is the request's: a message has the one of its cause.
	TraceID string `json:"traceId"`
	// UserID is who acted; nil when anonymous.
	UserID *string `json:"userId"`
	// CausationMessageID, CausationGlobalPosition and CausationStreamName name
	// the message that this one follows from.
	CausationMessageID      string              `json:"causationMessageId,omitempty"`
	CausationGlobalPosition int64               `json:"causationGlobalPosition,omitempty"`
	CausationStreamName     messagestore.Stream `json:"causationStreamName,omitempty"`
	// TraceParent is the W3C trace context.
	TraceParent string `json:"traceparent,omitempty"`
	// OriginStreamName is the stream of the entity that asked, which a serving
	// component copies unchanged, so that the asker knows its answers.
	OriginStreamName messagestore.Stream `json:"originStreamName,omitempty"`
	// CorrelationStreamName is Message DB's word for the same.
	CorrelationStreamName messagestore.Stream `json:"correlationStreamName,omitempty"`
}

// String returns the JSON object that is stored.
func (m Metadata) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal metadata: %v", err)) // strings and a number
	}
	return string(text)
}

// ParseMetadata returns what stored metadata says. Unknown keys are ignored,
// absent ones leave the zero value. It returns an error if text is no JSON
// object or a value does not fit.
func ParseMetadata(text string) (Metadata, error) {
	var m Metadata
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return Metadata{}, fmt.Errorf("parse metadata: %w", err)
	}
	return m, nil
}
