package main

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// A storedMessage is a row of the log.
type storedMessage struct {
	ID, StreamName, Type string
	Data, Metadata       object
	GlobalPosition       int64
}

func (m storedMessage) String() string { return m.StreamName + " " + m.Type }

// read returns the messages of the log that fulfil the condition, in order.
func (s *system) read(condition string, args ...any) []storedMessage {
	s.t.Helper()
	return connected(s, "VT_PSQL_MESSAGESTORE", func(conn *pgx.Conn) ([]storedMessage, error) {
		rows, err := conn.Query(s.t.Context(), `select id::text, stream_name, type, data, metadata, global_position
			from message_store.messages where `+condition+` order by global_position`, args...)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowToStructByPos[storedMessage])
	})
}

// newWrite returns a write of the message to the stream.
func (s *system) newWrite(stream string, m proto.Message, metadata contract.Metadata) messagestore.Write {
	s.t.Helper()
	data, err := contract.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	metadata.TraceID = uuid.NewString()
	return messagestore.Write{Stream: messagestore.Stream(stream), Expected: messagestore.Any, Messages: []messagestore.NewMessage{
		{ID: uuid.NewString(), Type: contract.Type(m), Data: data, Metadata: metadata.String()},
	}}
}

// trace returns the messages of a trace.
func (s *system) trace(id string) []storedMessage {
	s.t.Helper()
	return s.read("metadata->>'traceId' = $1", id)
}

// types returns the types of the messages, separated by blanks.
func types(messages []storedMessage) string {
	var types []string
	for _, m := range messages {
		types = append(types, m.Type)
	}
	return strings.Join(types, " ")
}

// count returns the result of a query of the message store.
func (s *system) count(sql string, args ...any) int {
	s.t.Helper()
	return query[int](s, "VT_PSQL_MESSAGESTORE", sql, args...)
}

// countView returns the result of a query of View Data.
func (s *system) countView(sql string, args ...any) int {
	s.t.Helper()
	return query[int](s, "VT_PSQL_VIEWDATA", sql, args...)
}

// rows returns a hash of all rows of a view.
func (s *system) rows(table string) string {
	s.t.Helper()
	return query[string](s, "VT_PSQL_VIEWDATA",
		"select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from "+pgx.Identifier{table}.Sanitize()+" t")
}

// query returns the value of a query with one row and one column.
func query[T any](s *system, database, sql string, args ...any) T {
	s.t.Helper()
	return connected(s, database, func(conn *pgx.Conn) (value T, err error) {
		err = conn.QueryRow(s.t.Context(), sql, args...).Scan(&value)
		return value, err
	})
}

func connected[T any](s *system, database string, ask func(*pgx.Conn) (T, error)) T {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), exported(s.t, s, database))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	value, err := ask(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	return value
}
