package aggregators

import (
	"fmt"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

// A Statement is one SQL statement, or the reason why there is none. It names
// tables without their schema.
type Statement struct {
	SQL  string
	Args []any
	// Skipped is why a message without SQL changes nothing. The frame logs it.
	Skipped string
	// run is whether SQL is that of a run, as ForMessages says.
	run bool
}

// Skip returns the Statement for a message that changes nothing. It is for what
// the contract does not allow and yet can be in a log, as the original system's
// stream `identity-undefined`: an error would stop the aggregator for ever.
func Skip(reason string) Statement { return Statement{Skipped: reason} }

// ForEntity returns the SQL with the id of the message's entity, right of the
// first dash of its stream's name, as $1, and the args from $2 on. It skips a
// message whose entity's id is no UUID.
func ForEntity(m messagestore.Message, sql string, args ...any) Statement {
	id, err := uuid.Parse(m.Stream.ID())
	if err != nil {
		return noUUID(m)
	}
	return Statement{SQL: sql, Args: append([]any{id.String()}, args...)}
}

// ForMessages returns the SQL of a run: messages that follow one another, with no
// other SQL between them, are applied by one execution. Its parameters are arrays,
// as `$1::text[]`, with an element a message, in order; args are the elements of
// this message, an id as a uuid.UUID, and null as nil. It is for what comes
// thousands of times a second, where each execution costs more than what it does.
//
// The SQL MUST do to a run of any length what it would do to its messages one
// after the other. Postgres changes a row once in a statement: so group by the
// row's key, count, and let the last element win where the last message would.
func ForMessages(sql string, args ...any) Statement {
	return Statement{SQL: sql, Args: args, run: true}
}

// ForEntities is to ForMessages what ForEntity is to a plain Statement: $1 is the
// ids of the messages' entities, `$1::uuid[]`.
func ForEntities(m messagestore.Message, sql string, args ...any) Statement {
	id, err := uuid.Parse(m.Stream.ID())
	if err != nil {
		return noUUID(m)
	}
	return ForMessages(sql, append([]any{id}, args...)...)
}

func noUUID(m messagestore.Message) Statement {
	return Skip(fmt.Sprintf("the stream's id %.64q is no UUID", m.Stream.ID()))
}
