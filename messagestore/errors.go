package messagestore

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNotFound means that the message does not exist.
	ErrNotFound = errors.New("no such message")
	// ErrUnauthenticated means that the caller's credential is missing or invalid.
	ErrUnauthenticated = errors.New("no or bad credential")
	// ErrInternal is an unexpected error, which the server has logged.
	ErrInternal = errors.New("internal error")
)

// An InvalidError rejects an invalid request, which had no effect.
type InvalidError struct {
	// Violations has every violation of the request, at least one.
	Violations []Violation
}

// A Violation describes an invalid field.
type Violation struct {
	// Field is the path of the field, such as `messages[0].id`.
	Field string
	// Description states what is wrong with the value and what is allowed.
	Description string
}

func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		texts[i] = v.Field + ": " + v.Description
	}
	return strings.Join(texts, "; ")
}

// A VersionConflictError rejects a write whose expected version is not the
// stream's.
type VersionConflictError struct {
	Stream Stream
	// Actual is the version of the stream, None if it is empty.
	Expected, Actual Version
}

func (e *VersionConflictError) Error() string {
	return fmt.Sprintf("write %s: version %d, expected %s", e.Stream, e.Actual, e.Expected)
}

// An IDConflictError rejects a write with the id of a stored message that has other
// content or was stored by a different write.
type IDConflictError struct {
	ID string
	// StoredStream is the stream of the stored message.
	StoredStream Stream
}

func (e *IDConflictError) Error() string {
	return fmt.Sprintf("message %s is stored in %s with other content or in another write", e.ID, e.StoredStream)
}

// A NotOwnerError rejects a write to a category of another owner.
type NotOwnerError struct {
	Category Category
	Owner    Principal
}

func (e *NotOwnerError) Error() string {
	return fmt.Sprintf("category %s is owned by %s", e.Category, e.Owner)
}

// A NotReaderError rejects a read without permission.
type NotReaderError struct {
	// Category is "" if permission to read all categories is missing.
	Category Category
}

func (e *NotReaderError) Error() string {
	if e.Category == "" {
		return "not among the readers of everything"
	}
	return fmt.Sprintf("not among the readers of category %s", e.Category)
}

// A NotOperatorError rejects a call that is reserved to operators.
type NotOperatorError struct{}

func (e *NotOperatorError) Error() string { return "only an operator may" }

// An AheadError rejects a position beyond the head of the log.
type AheadError struct {
	Position, Head int64
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("position %d is ahead of the log, whose head is %d", e.Position, e.Head)
}

// A DivergedError rejects a place that is not in the log: the log was restored
// from a backup and other messages may have been written since.
type DivergedError struct {
	Place Place
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("message %s is not at position %d: the log has diverged", e.Place.ID, e.Place.Position)
}

// An ExhaustedError means that a limit is reached. The call had no effect, unless
// gRPC had already sent it to a server that then went away.
type ExhaustedError struct {
	// RetryAfter is how long to wait before a retry.
	RetryAfter time.Duration
	// Reason names the limit.
	Reason string
}

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("%s: try again in %v", e.Reason, e.RetryAfter)
}

// An UnavailableError means that the store or its Postgres is unavailable. The
// outcome of a write is unknown.
type UnavailableError struct {
	// Reason names what is unavailable.
	Reason string
	// Cause is the underlying error, or nil. It is not sent to clients.
	Cause error
}

func (e *UnavailableError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", e.Reason, e.Cause)
	}
	return e.Reason
}

func (e *UnavailableError) Unwrap() error { return e.Cause }
