package aggregators

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// A run is one execution of SQL: a plain statement, or those of ForMessages that
// follow one another and have the same SQL.
type run struct {
	Statement
	// first is the index of the first of its messages.
	first int
	// rows are the arguments, those of a message each.
	rows [][]any
}

// add adds the statement of the next message and returns true, or returns false if
// the statement begins another run.
func (r *run) add(s Statement) bool {
	if !r.run || !s.run || r.SQL != s.SQL || len(r.Args) != len(s.Args) {
		return false
	}
	r.rows = append(r.rows, s.Args)
	return true
}

// parameters returns what is executed with the SQL.
func (r *run) parameters() []any {
	if !r.run {
		return r.Args
	}
	columns := make([]any, len(r.Args))
	for i := range columns {
		columns[i] = column{r.rows, i}
	}
	return columns
}

// A column is the arguments of one number, which pgx sends as an array: as they
// are, without a copy of them.
type column struct {
	rows  [][]any
	index int
}

// Dimensions makes it a pgtype.ArrayGetter, as do Index and IndexType.
func (c column) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(c.rows)), LowerBound: 1}}
}

// Index returns a message's argument. Of a UUID it returns the bytes: it has a
// method that makes it a text, which is all that pgx sees, and would try in vain.
func (c column) Index(i int) any {
	switch arg := c.rows[i][c.index].(type) {
	case uuid.UUID:
		return [16]byte(arg)
	case *uuid.UUID:
		return (*[16]byte)(arg)
	default:
		return arg
	}
}

// IndexType returns nil: each element has its own type.
func (c column) IndexType() any { return nil }
