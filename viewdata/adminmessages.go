package viewdata

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminMessage is a message as administrators see it.
type AdminMessage struct {
	ID             string
	GlobalPosition int64
	StreamName     string
	// Position is the position in the stream.
	Position       int64
	Category, Type string
	// TraceID and UserID are those of the metadata; empty unless they are UUIDs.
	TraceID, UserID string
	Time            time.Time
	Writer          string
	// Data and Metadata are JSON, in which each passwordHash has the value `***`.
	// They are empty in lists, where a thousand could have a gigabyte.
	Data, Metadata string
}

// A MessageFilter selects the messages that match all of its non-empty fields.
type MessageFilter struct {
	Category, Stream, Type string
	// TraceID and UserID are UUIDs.
	TraceID, UserID string
}

const messageColumns = `
	global_position, id::text, stream_name, position, category, type,
	coalesce(trace_id::text, '') as trace_id, coalesce(user_id::text, '') as user_id, time, writer`

// query is the listQuery of the matching messages by descending global position.
// It has no conditions for empty fields, so that Postgres chooses the index for
// the other field.
func (f *MessageFilter) query(before int64) (sql string, args []any, err error) {
	args = []any{before}
	conditions := "global_position < $1"
	for _, c := range []struct {
		field, column, value string
		uuid                 bool
	}{
		{"category", "category", f.Category, false},
		{"stream", "stream_name", f.Stream, false},
		{"type", "type", f.Type, false},
		{"traceId", "trace_id", f.TraceID, true},
		{"userId", "user_id", f.UserID, true},
	} {
		if c.value == "" {
			continue
		}
		value, ok, kind := c.value, storable(c.value), "a name"
		if c.uuid {
			value, ok = parseUUID(c.value)
			kind = "a UUID"
		}
		if !ok {
			return "", nil, &InvalidError{c.field, fmt.Sprintf("%.64q is not %s", c.value, kind)}
		}
		args = append(args, value)
		conditions += fmt.Sprintf(" and %s = $%d", c.column, len(args))
	}
	return "select " + messageColumns + ", '' as data, '' as metadata from admin_messages where " + conditions +
		" order by global_position desc", args, nil
}

// ReadAdminMessages returns a page of the messages, newest first.
func ReadAdminMessages(ctx context.Context, db *pgxpool.Pool, f MessageFilter, r PageRequest) (Page[AdminMessage], error) {
	return readPage(ctx, db, "messages", r, newest, func(m AdminMessage) int64 { return m.GlobalPosition }, f.query)
}

// ReadAdminMessage returns one message.
func ReadAdminMessage(ctx context.Context, db *pgxpool.Pool, id string) (AdminMessage, error) {
	return readByID[AdminMessage](ctx, db, "message",
		"select "+messageColumns+", data::text, metadata::text from admin_messages where id = $1", id)
}

// An AdminType is a message type, in whatever category, as administrators see it.
type AdminType struct {
	Type         string
	MessageCount int64
}

// ReadAdminTypes returns a page of the message types, by name.
func ReadAdminTypes(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminType], error) {
	return readPage(ctx, db, "types", r, "", func(t AdminType) string { return t.Type }, byName(`
		select type, message_count
		from admin_types
		where type > $1
		order by type`))
}

// An AdminCategory is a category as administrators see it.
type AdminCategory struct {
	Category     string
	MessageCount int64
}

// ReadAdminCategories returns a page of the categories, by name.
func ReadAdminCategories(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminCategory], error) {
	return readPage(ctx, db, "categories", r, "", func(c AdminCategory) string { return c.Category }, byName(`
		select category, message_count
		from admin_categories
		where category > $1
		order by category`))
}
