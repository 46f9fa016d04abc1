package viewdata

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/database"
)

// ErrNotFound is returned by the reads of one row if the row does not exist. A
// malformed ID is treated like an unknown one.
var ErrNotFound = errors.New("no such row")

// An InvalidError is returned by the reads of lists for an invalid request.
type InvalidError struct {
	// Field is the invalid field, named as in REST, such as `pageToken`.
	Field string
	// Description describes the invalid value and the allowed ones.
	Description string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Description }

// A NotReadyError is returned by the reads while View Data cannot be read, since
// Postgres is unavailable or the tables do not exist yet. The caller may retry.
type NotReadyError struct {
	Cause error
}

func (e *NotReadyError) Error() string { return "view data is not ready: " + e.Cause.Error() }

func (e *NotReadyError) Unwrap() error { return e.Cause }

// notReady has the SQLSTATEs of a database that is not migrated yet, and the
// classes of those of a Postgres that is unavailable.
var notReady = []string{
	"42P01", // undefined table
	"42703", // undefined column
	"3D000", // undefined database
	"22023", // undefined role, set at the start of the connection
	"28000", // undefined role, as the user of the connection
	"08",    // connection
	"53",    // resources
	"57",    // shutdown
}

// translate returns ErrNotFound for pgx.ErrNoRows, and a *NotReadyError for an
// error that may pass. It returns all others, and those of a context that has
// ended, as they are.
func translate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	state := database.SQLState(err) // "" if the connection could not be made, or broke
	if state == "" || slices.Contains(notReady, state) || slices.Contains(notReady, state[:2]) {
		return &NotReadyError{err}
	}
	return err
}
