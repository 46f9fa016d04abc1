package messagestore

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNotFound is returned where there is no such message.
	ErrNotFound = errors.New("no such message")
	// ErrUnauthenticated is returned to a caller without a good credential.
	ErrUnauthenticated = errors.New("no or bad credential")
	// ErrInternal is returned for what nobody foresaw. The server has logged it.
	ErrInternal = errors.New("internal error")
)

// An InvalidError is returned for a bad request. Nothing of it was done.
type InvalidError struct {
	// Violations are all that is wrong, at least one.
	Violations []Violation
}

// A Violation is one thing that is wrong in a request.
type Violation struct {
	// Field is the path of the field, as `messages[0].id`.
	Field string
	// Description says what is wrong with the value and what is allowed.
	Description string
}

func (e *InvalidError) Error() string {
	var b strings.Builder
	for i, v := range e.Violations {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(v.Field + ": " + v.Description)
	}
	return b.String()
}

// A VersionConflictError is returned by a write when the stream is not at the
// version the writer expected: someone else wrote first.
type VersionConflictError struct {
	Stream Stream
	// Expected is what the writer expected, Actual what the stream has: None
	// where it is empty.
	Expected, Actual Version
}

func (e *VersionConflictError) Error() string {
	return fmt.Sprintf("write %s: version %d, expected %s", e.Stream, e.Actual, e.Expected)
}

// An IDConflictError is returned by a write when a message with one of its ids
// is stored with other content or in other company.
type IDConflictError struct {
	ID string
	// StoredStream is the stream that has the message with the id.
	StoredStream Stream
}

func (e *IDConflictError) Error() string {
	return fmt.Sprintf("message %s is stored in %s with other content or in another write", e.ID, e.StoredStream)
}

// A NotOwnerError is returned by a write to a category that is another's.
type NotOwnerError struct {
	Category Category
	Owner    Principal
}

func (e *NotOwnerError) Error() string {
	return fmt.Sprintf("category %s is owned by %s", e.Category, e.Owner)
}

// A NotReaderError is returned by a read of what the caller may not read.
// Category is empty where the right to read everything is missing.
type NotReaderError struct {
	Category Category
}

func (e *NotReaderError) Error() string {
	if e.Category == "" {
		return "not among the readers of everything"
	}
	return fmt.Sprintf("not among the readers of category %s", e.Category)
}

// A NotOperatorError is returned for what only an operator may do.
type NotOperatorError struct{}

func (e *NotOperatorError) Error() string { return "only an operator may" }

// An AheadError is returned for a place beyond the end of the log.
type AheadError struct {
	Position, Head int64
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("position %d is ahead of the log, whose head is %d", e.Position, e.Head)
}

// A DivergedError is returned for a place that is not in this log: it was
// restored, and perhaps written on.
type DivergedError struct {
	Place Place
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("message %s is not at position %d: the log has diverged", e.Place.ID, e.Place.Position)
}

// An ExhaustedError is returned where a limit is reached. Nothing was done; unless
// gRPC itself had sent the call to a server before that went away.
type ExhaustedError struct {
	// RetryAfter is how long to wait before another try.
	RetryAfter time.Duration
	// Reason says which limit.
	Reason string
}

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("%s: try again in %v", e.Reason, e.RetryAfter)
}

// An UnavailableError is returned while the store or its Postgres is away. The
// outcome of a write is unknown.
type UnavailableError struct {
	// Reason says what is away.
	Reason string
	// Cause, if not nil, is the error below. It does not cross the wire.
	Cause error
}

func (e *UnavailableError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", e.Reason, e.Cause)
	}
	return e.Reason
}

func (e *UnavailableError) Unwrap() error { return e.Cause }
