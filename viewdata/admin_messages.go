package viewdata

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminMessage is a message as administrators see it.
type AdminMessage struct {
	ID             string
	GlobalPosition int64
	StreamName     string
	// Position is its place in the stream.
	Position       int64
	Category, Type string
	// TraceID and UserID are those of the metadata; empty where they have none,
	// or no UUID.
	TraceID, UserID string
	Time            time.Time
	Writer          string
	// Data and Metadata are JSON, in which the value of each passwordHash is
	// `***`. In lists they are empty: a thousand may be a gigabyte.
	Data, Metadata string
}

// A MessageFilter says which messages are wanted: those that have all of what is
// not empty.
type MessageFilter struct {
	Category, Stream, Type string
	// TraceID and UserID are UUIDs.
	TraceID, UserID string
}

// where returns the conditions, to be joined by and, and their arguments from $1
// on. Only what is wanted stands in the query, so that Postgres takes the index
// that is made for it.
func (f *MessageFilter) where() (conditions []string, args []any, err error) {
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
		value, ok, what := c.value, storable(c.value), "a name"
		if c.uuid {
			value, ok = parseUUID(c.value)
			what = "a UUID"
		}
		if !ok {
			return nil, nil, &InvalidError{c.field, fmt.Sprintf("%.64q is not %s", c.value, what)}
		}
		args = append(args, value)
		conditions = append(conditions, fmt.Sprintf("%s = $%d", c.column, len(args)))
	}
	return conditions, args, nil
}

const messageColumns = `
	global_position, id::text, stream_name, position, category, type,
	coalesce(trace_id::text, '') as trace_id, coalesce(user_id::text, '') as user_id, time, writer`

// ReadAdminMessages returns a page of the messages, newest first. It returns an
// *InvalidError for a bad request, and a *NotReadyError while View Data cannot be
// read.
func ReadAdminMessages(ctx context.Context, db *pgxpool.Pool, f MessageFilter, r PageRequest) (Page[AdminMessage], error) {
	size, err := r.size()
	if err != nil {
		return Page[AdminMessage]{}, err
	}
	before := int64(math.MaxInt64)
	if _, err := r.after(&before); err != nil {
		return Page[AdminMessage]{}, err
	}
	sql, args, err := f.query(before, size+1)
	if err != nil {
		return Page[AdminMessage]{}, err
	}
	return readPage(ctx, db, "messages", size, func(m AdminMessage) any { return m.GlobalPosition }, sql, args...)
}

func (f *MessageFilter) query(before int64, limit int) (sql string, args []any, err error) {
	conditions, args, err := f.where()
	if err != nil {
		return "", nil, err
	}
	args = append(args, before, limit)
	conditions = append(conditions, fmt.Sprintf("global_position < $%d", len(args)-1))
	return fmt.Sprintf(`
		select %s, '' as data, '' as metadata
		from admin_messages
		where %s
		order by global_position desc
		limit $%d`, messageColumns, strings.Join(conditions, " and "), len(args)), args, nil
}

// ReadAdminMessage returns one message. It returns ErrNotFound where there is
// none, and a *NotReadyError while View Data cannot be read.
func ReadAdminMessage(ctx context.Context, db *pgxpool.Pool, id string) (AdminMessage, error) {
	id, ok := parseUUID(id)
	if !ok {
		return AdminMessage{}, fmt.Errorf("read message: %w", ErrNotFound)
	}
	return readOne[AdminMessage](ctx, db, "message",
		"select "+messageColumns+", data::text, metadata::text from admin_messages where id = $1", id)
}
