package aggregators

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

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
