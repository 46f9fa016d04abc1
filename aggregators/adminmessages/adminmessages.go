// Package adminmessages is the aggregator of the messages as administrators see
// them: by category, stream, type, trace and user, for which the message store has
// no indexes; and of the number of messages by type and by category. It replaces
// password hashes by `***`, since many can read these tables.
package adminmessages

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:     "adminmessages",
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

// actors returns the trace and the user of the metadata, which anybody may have
// written; each is null unless it is a UUID.
func actors(metadata string) (trace, user *uuid.UUID) {
	var keys struct {
		TraceID any `json:"traceId"`
		UserID  any `json:"userId"`
	}
	_ = json.Unmarshal([]byte(metadata), &keys) // the keys stay nil if it is not an object
	traceID, _ := keys.TraceID.(string)
	userID, _ := keys.UserID.(string)
	return aggregators.NullUUID(traceID), aggregators.NullUUID(userID)
}

const (
	// secret is the key whose values are replaced, at any depth.
	secret   = "passwordHash"
	redacted = "***"
)

// redact returns the JSON with `***` as the value of each secret key.
func redact(text string) string {
	// Postgres prints the key without escapes. Few messages contain it.
	if !strings.Contains(text, `"`+secret+`"`) {
		return text
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return `"` + redacted + `"` // a text that cannot be read may contain a secret
	}
	clean, err := json.Marshal(redactValue(value))
	if err != nil {
		return `"` + redacted + `"`
	}
	return string(clean)
}

func redactValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = redactValue(v[key])
		}
		if _, ok := v[secret]; ok {
			v[secret] = redacted
		}
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	}
	return value
}
