package postgres

import (
	"context"
	"errors"
	"time"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

// SQLSTATEs and classes of SQLSTATEs that are handled separately.
const (
	uniqueViolation = "23505"
	checkViolation  = "23514"
	diskFull        = "53100"
	classData       = "22"
)

// temporary reports whether the error is caused by the connection or by the state
// of Postgres and not by the statement: the outcome is unknown, and a retry may
// succeed.
func temporary(err error) bool {
	state := database.SQLState(err)
	switch state {
	case "", // the connection broke or was not made
		"55P03", "40001", "40P01", "25006": // lock not available, serialization failure, deadlock, read-only
		return true
	}
	switch state[:2] {
	case "08", "53", "57", "58", "F0": // connection, resources, intervention, system error, configuration
		return true
	}
	return false
}

// rejectsContent reports whether Postgres rejects a message for its content and
// would store others.
func rejectsContent(err error) bool {
	state := database.SQLState(err)
	if state == "" {
		return false
	}
	switch state[:2] {
	case classData, "P0", "54": // data exception, raised by a trigger, limits
		return true
	}
	return state == checkViolation
}

// translate returns the error that a caller gets for an error of Postgres, by
// SQLSTATE. Context errors are returned as they are.
func translate(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case database.SQLState(err) == diskFull:
		return &messagestore.ExhaustedError{RetryAfter: 10 * time.Second, Reason: "the disk of Postgres is full"}
	case temporary(err):
		return &messagestore.UnavailableError{Reason: "Postgres is away", Cause: err}
	}
	return errors.Join(messagestore.ErrInternal, err)
}

var (
	errStopping = &messagestore.UnavailableError{Reason: "the message store is stopping"}
	errStale    = &messagestore.UnavailableError{Reason: "Postgres is away: the head of the log is too old"}
)

func errQueueFull() error {
	return &messagestore.ExhaustedError{RetryAfter: 100 * time.Millisecond, Reason: "too many writes are waiting"}
}
