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
	return aggregators.ForMessages(`
		with types as (
			insert into admin_types as t (type, message_count)
			select type, count(*)
			from unnest($6::text[]) as type
			group by type
			on conflict (type) do update set message_count = t.message_count + excluded.message_count
		), categories as (
			insert into admin_categories as c (category, message_count)
			select category, count(*)
			from unnest($5::text[]) as category
			group by category
			on conflict (category) do update set message_count = c.message_count + excluded.message_count
		)
		insert into admin_messages (
			global_position, id, stream_name, position, category, type,
			trace_id, user_id, time, writer, data, metadata)
		select global_position, id::uuid, stream, position, category, type,
			trace, "user", time, writer, data, metadata
		from unnest(
			$1::bigint[], $2::text[], $3::text[], $4::bigint[], $5, $6,
			$7::uuid[], $8::uuid[], $9::timestamptz[], $10::text[], $11::jsonb[], $12::jsonb[]
		) as message (
			global_position, id, stream, position, category, type,
			trace, "user", time, writer, data, metadata)`,
		m.GlobalPosition, m.ID, string(m.Stream), m.Position, string(m.Stream.Category()), m.Type,
		trace, user, m.Time, string(m.Writer), redact(m.Data), redact(m.Metadata))
}

// actors returns the trace and the user that the metadata name, each null where
// it is no UUID. Anybody may write anything there, so nothing else is read.
func actors(metadata string) (trace, user *uuid.UUID) {
	var keys struct {
		TraceID any `json:"traceId"`
		UserID  any `json:"userId"`
	}
	if json.Unmarshal([]byte(metadata), &keys) != nil {
		return nil, nil // no object
	}
	return parse(keys.TraceID), parse(keys.UserID)
}

func parse(value any) *uuid.UUID {
	text, _ := value.(string)
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	return &id
}
