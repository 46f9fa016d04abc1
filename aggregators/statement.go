package aggregators

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// A Statement is one SQL statement, or the reason for skipping a message. Its SQL
// names tables without their schema. A Statement with an invalid UUID among its
// arguments skips the message.
type Statement struct {
	SQL  string
	Args []any
	// Skipped is the reason why a message without SQL is skipped. The runtime logs
	// it.
	Skipped string
	// merged reports whether ForMessages returned the Statement.
	merged bool
}

// Skip returns a Statement that changes nothing. It is for messages that violate
// the contract and may still be in a log, such as those of the original system's
// stream `identity-undefined`, and on which the aggregator must not stop.
func Skip(reason string) Statement { return Statement{Skipped: reason} }

// ForEntity returns the SQL with the ID of the message's entity as $1 and the args
// from $2 on. The ID is the part of the stream's name after the first dash. The
// message is skipped if the ID is not a UUID.
func ForEntity(m messagestore.Message, sql string, args ...any) Statement {
	return Statement{SQL: sql, Args: append([]any{UUID("stream ID", m.Stream.ID())}, args...)}
}

// ForMessages returns SQL that is executed once for a run: successive messages
// with the same SQL. Its parameters are arrays, such as `$1::text[]`, with one
// element per message, in order; args are the elements for this message. A null
// element is nil. Use ForMessages for messages that come thousands of times a
// second, where the overhead of an execution exceeds its work.
//
// The effect of the SQL on a run MUST be the same as its effect on one message
// after the other. Since Postgres changes a row at most once per statement, group
// by the key of the row, count, and use the last element where the last message
// wins.
func ForMessages(sql string, args ...any) Statement {
	return Statement{SQL: sql, Args: args, merged: true}
}

// ForEntities is ForMessages with the IDs of the messages' entities as $1,
// `$1::uuid[]`. A message is skipped if the ID of its entity is not a UUID.
func ForEntities(m messagestore.Message, sql string, args ...any) Statement {
	return ForMessages(sql, append([]any{UUID("stream ID", m.Stream.ID())}, args...)...)
}

// UUID returns text as the argument of a Statement. If text is not a UUID, the
// message is skipped; the log then has the name of the value.
func UUID(name, text string) any {
	id, err := uuid.Parse(text)
	if err != nil {
		return invalidUUID(fmt.Sprintf("the %s %.64q is not a UUID", name, text))
	}
	return id
}

// NullUUID returns text as the argument of a Statement; null if text is not a
// UUID.
func NullUUID(text string) *uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	return &id
}

// An invalidUUID is the reason for skipping the message whose Statement has it as
// an argument.
type invalidUUID string

// checked returns the Statement, or a Skip if one of its arguments is an
// invalidUUID.
func (s Statement) checked() Statement {
	for _, arg := range s.Args {
		if reason, ok := arg.(invalidUUID); ok {
			return Skip(string(reason))
		}
	}
	return s
}

// An execution is one execution of SQL: a plain Statement, or the merged Statements
// of a run of messages.
type execution struct {
	Statement
	// first is the index of the first message.
	first int
	// rows are the arguments, one row per message.
	rows [][]any
}

// merge adds the Statement of the next message if it can be executed together with
// the others, and reports whether it did.
func (e *execution) merge(s Statement) bool {
	if !e.merged || !s.merged || e.SQL != s.SQL || len(e.Args) != len(s.Args) {
		return false
	}
	e.rows = append(e.rows, s.Args)
	return true
}

// parameters returns the parameters of the SQL.
func (e *execution) parameters() []any {
	if !e.merged {
		return e.Args
	}
	columns := make([]any, len(e.Args))
	for i := range columns {
		values := make(pgtype.FlatArray[any], len(e.rows))
		for j, row := range e.rows {
			values[j] = element(row[i])
		}
		columns[i] = values
	}
	return columns
}

// element returns the argument as an element of an array. It returns the bytes of a
// UUID: pgx would use the String method of uuid.UUID, and cannot encode text as an
// element.
func element(arg any) any {
	switch id := arg.(type) {
	case uuid.UUID:
		return [16]byte(id)
	case *uuid.UUID:
		return (*[16]byte)(id)
	}
	return arg
}

// Handlers are the handlers of an aggregator, one per message type.
type Handlers []Handler

// A Handler returns the Statement for a message of one type, or for a message that
// has no other handler. On and OnAny return Handlers.
type Handler struct {
	kind      contract.Kind
	statement func(messagestore.Message) (Statement, error)
}

// On returns the handler of the messages with the contract M, which determines
// their type and category. On panics if M is not a contract. The stored message is
// the source for the stream, the positions and the metadata. The function must be
// pure, since the runtime may call it several times and apply its Statement once.
//
// A message that cannot be decoded is skipped if anybody may have written it. If it
// is an event of an owner, it stops the aggregator, whose view would be wrong
// without it.
func On[M proto.Message](statement func(M, messagestore.Message) Statement) Handler {
	var none M
	return Handler{contract.KindOf(none), func(m messagestore.Message) (Statement, error) {
		event, err := contract.Decode[M](m)
		switch {
		case err != nil && writtenByAnybody(m):
			return Skip(err.Error()), nil
		case err != nil:
			return Statement{}, err
		}
		return statement(event, m).checked(), nil
	}}
}

// writtenByAnybody reports whether a message that cannot be decoded may be anybody's:
// its category has no single owner, or its data is not an object, which is possible
// only through SQL.
func writtenByAnybody(m messagestore.Message) bool {
	c := m.Stream.Category()
	return c.IsCommand() || c == messagestore.PositionCategory || !strings.HasPrefix(m.Data, "{")
}

// anyKind is the kind of an OnAny handler.
var anyKind = contract.Kind{}

// OnAny returns the handler of all messages of the store that have no other
// handler. The function must be pure, and must accept any message, since anybody
// may write some.
func OnAny(statement func(messagestore.Message) Statement) Handler {
	return Handler{anyKind, func(m messagestore.Message) (Statement, error) { return statement(m).checked(), nil }}
}

// subscription returns the subscription to the messages with handlers.
func (hs Handlers) subscription() (messagestore.Subscription, error) {
	var kinds []contract.Kind
	for _, h := range hs {
		if h.kind != anyKind {
			kinds = append(kinds, h.kind)
		}
	}
	if len(kinds) == len(hs) {
		return contract.Subscription(kinds)
	}
	if len(kinds) < len(hs)-1 {
		return messagestore.Subscription{}, errors.New("there are two OnAny handlers")
	}
	if len(kinds) > 0 { // reject two handlers of a kind
		if _, err := contract.Subscription(kinds); err != nil {
			return messagestore.Subscription{}, err
		}
	}
	return messagestore.Subscription{Source: messagestore.OfAll()}, nil
}
