// Package adminmessages is the aggregator of the messages as administrators see
// them: by category, stream, type, trace and user, for which the message store
// has no indexes; and of how many there are of each type and category. Password
// hashes do not come into View Data's broadly read tables: they are `***`.
package adminmessages

import (
	"encoding/json"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:       "aggregators:admin-messages",
		Tables:   []string{"admin_messages", "admin_types", "admin_categories"},
		Handlers: aggregators.Handlers{aggregators.OnAny(anyMessage)},
	}
}

func anyMessage(m messagestore.Message) aggregators.Statement {
	trace, user := actors(m.Metadata)
	return aggregators.Statement{SQL: `
		with type as (
			insert into admin_types as t (type, message_count)
			values ($6, 1)
			on conflict (type) do update set message_count = t.message_count + 1
		), category as (
			insert into admin_categories as c (category, message_count)
			values ($5, 1)
			on conflict (category) do update set message_count = c.message_count + 1
		)
		insert into admin_messages (
			global_position, id, stream_name, position, category, type,
			trace_id, user_id, time, writer, data, metadata)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		Args: []any{
			m.GlobalPosition, m.ID, string(m.Stream), m.Position, string(m.Stream.Category()), m.Type,
			trace, user, m.Time, string(m.Writer), redact(m.Data), redact(m.Metadata),
		}}
}

// actors returns the trace and the user that the metadata name, each null where
// it is no UUID. Anybody may write anything there, so nothing else is read.
func actors(metadata string) (trace, user *string) {
	var keys struct {
		TraceID any `json:"traceId"`
		UserID  any `json:"userId"`
	}
	if json.Unmarshal([]byte(metadata), &keys) != nil {
		return nil, nil // no object
	}
	return parse(keys.TraceID), parse(keys.UserID)
}

func parse(value any) *string {
	text, _ := value.(string)
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	text = id.String()
	return &text
}
