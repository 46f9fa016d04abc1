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
		return Skip(fmt.Sprintf("the stream's id %.64q is no UUID", m.Stream.ID()))
	}
	return Statement{SQL: sql, Args: append([]any{id.String()}, args...)}
}
