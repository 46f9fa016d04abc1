package rpc

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
)

// errorTable has every error of the message store and its status, in both
// directions. The first matching row counts, so an error with fields comes before
// the errors that it may wrap.
var errorTable = []errorRow{
	row(codes.InvalidArgument, "", func(e *messagestore.InvalidError, d *details) {
		d.text, d.violations = summary(e.Violations), bounded(e.Violations)
	}, func(d *details) *messagestore.InvalidError {
		if len(d.violations) == 0 {
			d.violations = []messagestore.Violation{{Field: "request", Description: d.text}}
		}
		return &messagestore.InvalidError{Violations: d.violations}
	}),
	row(codes.Aborted, "VERSION_CONFLICT", func(e *messagestore.VersionConflictError, d *details) {
		d.metadata = map[string]string{"stream_name": string(e.Stream), "expected": e.Expected.String(), "actual": decimal(e.Actual)}
	}, func(d *details) *messagestore.VersionConflictError {
		return &messagestore.VersionConflictError{
			Stream:   messagestore.Stream(d.metadata["stream_name"]),
			Expected: d.version("expected"),
			Actual:   messagestore.Version(d.number("actual")),
		}
	}),
	row(codes.AlreadyExists, "ID_CONFLICT", func(e *messagestore.IDConflictError, d *details) {
		d.metadata = map[string]string{"id": e.ID, "stored_stream_name": string(e.StoredStream)}
	}, func(d *details) *messagestore.IDConflictError {
		return &messagestore.IDConflictError{ID: d.metadata["id"], StoredStream: messagestore.Stream(d.metadata["stored_stream_name"])}
	}),
	row(codes.PermissionDenied, "NOT_OWNER", func(e *messagestore.NotOwnerError, d *details) {
		d.metadata = map[string]string{"category": string(e.Category), "owner": string(e.Owner)}
	}, func(d *details) *messagestore.NotOwnerError {
		return &messagestore.NotOwnerError{Category: messagestore.Category(d.metadata["category"]), Owner: messagestore.Principal(d.metadata["owner"])}
	}),
	row(codes.PermissionDenied, "NOT_READER", func(e *messagestore.NotReaderError, d *details) {
		d.metadata = map[string]string{"category": string(e.Category)}
	}, func(d *details) *messagestore.NotReaderError {
		return &messagestore.NotReaderError{Category: messagestore.Category(d.metadata["category"])}
	}),
	row(codes.PermissionDenied, "NOT_OPERATOR", func(*messagestore.NotOperatorError, *details) {
	}, func(*details) *messagestore.NotOperatorError {
		return &messagestore.NotOperatorError{}
	}),
	row(codes.OutOfRange, "AHEAD_OF_LOG", func(e *messagestore.AheadError, d *details) {
		d.metadata = map[string]string{"position": decimal(e.Position), "head_position": decimal(e.Head)}
	}, func(d *details) *messagestore.AheadError {
		return &messagestore.AheadError{Position: d.number("position"), Head: d.number("head_position")}
	}),
	row(codes.FailedPrecondition, "LOG_DIVERGED", func(e *messagestore.DivergedError, d *details) {
		d.metadata = map[string]string{"position": decimal(e.Place.Position), "message_id": e.Place.ID}
	}, func(d *details) *messagestore.DivergedError {
		return &messagestore.DivergedError{Place: messagestore.Place{Position: d.number("position"), ID: d.metadata["message_id"]}}
	}),
	row(codes.ResourceExhausted, "", func(e *messagestore.ExhaustedError, d *details) {
		d.text, d.retryAfter = e.Reason, &e.RetryAfter
	}, func(d *details) *messagestore.ExhaustedError {
		e := &messagestore.ExhaustedError{Reason: d.text}
		if d.retryAfter != nil {
			e.RetryAfter = *d.retryAfter
		}
		return e
	}),
	// Also the status of gRPC itself if the connection breaks.
	row(codes.Unavailable, "", func(e *messagestore.UnavailableError, d *details) {
		d.text = e.Reason
	}, func(d *details) *messagestore.UnavailableError {
		return &messagestore.UnavailableError{Reason: d.text}
	}),
	sentinel(codes.NotFound, messagestore.ErrNotFound),
	sentinel(codes.Unauthenticated, messagestore.ErrUnauthenticated),
	sentinel(codes.DeadlineExceeded, context.DeadlineExceeded),
	sentinel(codes.Canceled, context.Canceled),
	sentinel(codes.Internal, messagestore.ErrInternal),
}

// An errorRow is a Go error and its status.
type errorRow struct {
	code   codes.Code
	reason string // of ErrorInfo; "" if the code suffices
	// encode fills d and reports whether err is the row's error.
	encode func(err error, d *details) bool
	decode func(d *details) error
}

func row[E error](code codes.Code, reason string, encode func(E, *details), decode func(*details) E) errorRow {
	return errorRow{code, reason, func(err error, d *details) bool {
		var e E
		if !errors.As(err, &e) {
			return false
		}
		d.text = e.Error()
		encode(e, d)
		return true
	}, func(d *details) error { return decode(d) }}
}

func sentinel(code codes.Code, sentinel error) errorRow {
	return errorRow{code, "", func(err error, d *details) bool {
		d.text = sentinel.Error()
		return errors.Is(err, sentinel)
	}, func(d *details) error {
		if d.text == sentinel.Error() {
			return sentinel
		}
		return fmt.Errorf("%w: %s", sentinel, d.text) // a status of gRPC itself, with a text of its own
	}}
}

// A statusError is a status for the caller and its cause for the log.
type statusError struct {
	status *status.Status
	cause  error
}

func (e *statusError) Error() string              { return e.cause.Error() }
func (e *statusError) Unwrap() error              { return e.cause }
func (e *statusError) GRPCStatus() *status.Status { return e.status }

// toStatus translates a Store's error into a status, and returns a status
// unchanged. An error that is not in the table becomes INTERNAL, without its text.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	for _, r := range errorTable {
		var d details
		if r.encode(err, &d) {
			return &statusError{d.status(r.code, r.reason), err}
		}
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return &statusError{status.New(codes.Internal, messagestore.ErrInternal.Error()), err}
}

// fromStatus translates a status into a Store's error. A status that is not in the
// table becomes an ErrInternal with its text.
func fromStatus(err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	d, reason := detailsOf(s)
	for _, r := range errorTable {
		if r.code != s.Code() || r.reason != reason {
			continue
		}
		if e := r.decode(d); !d.malformed {
			return e
		}
	}
	return fmt.Errorf("%w: %s: %s", messagestore.ErrInternal, s.Code(), s.Message())
}
