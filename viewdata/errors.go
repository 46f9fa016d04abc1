package viewdata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/database"
)

// ErrNotFound is returned by the reads of one row where there is none: not yet,
// or never. An id that no row can have is one of those.
var ErrNotFound = errors.New("no such row")

// An InvalidError is returned by the reads of lists for a bad request.
type InvalidError struct {
	// Field is what is wrong, named as in REST: `pageToken`.
	Field string
	// Description says what is wrong with the value and what is allowed.
	Description string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Description }

// A NotReadyError is returned by the reads while View Data cannot be read:
// Postgres is away, or the tables are not there yet. Another try may succeed.
type NotReadyError struct {
	Cause error
}

func (e *NotReadyError) Error() string { return "view data is not ready: " + e.Cause.Error() }

func (e *NotReadyError) Unwrap() error { return e.Cause }

// SQLSTATEs of what is not there yet.
const (
	undefinedTable   = "42P01"
	undefinedColumn  = "42703"
	undefinedCatalog = "3D000" // the database
	invalidParameter = "22023" // the role, where it is set at the start of a connection
	invalidRole      = "28000" // the role, where it is the user
)

// translate returns ErrNotFound for no rows, and a *NotReadyError for what passes
// by itself. The errors of the caller's context and all others stay as they are.
func translate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	state := database.SQLState(err)
	if state == "" {
		return &NotReadyError{err} // no answer: the connection could not be made, or broke
	}
	switch state {
	case undefinedTable, undefinedColumn, undefinedCatalog, invalidParameter, invalidRole:
		return &NotReadyError{err}
	}
	switch state[:2] {
	case "08", "53", "57": // connection, resources, shutdown
		return &NotReadyError{err}
	}
	return err
}
