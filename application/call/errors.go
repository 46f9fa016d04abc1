package call

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	"videotutorials/viewdata"
)

// A Violation is an invalid field, and what is wrong with it.
type Violation = *errdetails.BadRequest_FieldViolation

// An InvalidError lists the invalid fields of a call's input. Nothing was done.
type InvalidError []Violation

// Invalid returns the error of one field, named as in REST.
func Invalid(field, description string) InvalidError {
	return InvalidError{{Field: field, Description: description}}
}

// Add adds a violation of a field, named as in REST.
func (e *InvalidError) Add(field, description string) {
	*e = append(*e, Invalid(field, description)...)
}

// UUID returns the text as a UUID, and adds a violation of the field if it is not
// one.
func (e *InvalidError) UUID(field, text string) uuid.UUID {
	id, ok := contract.ParseUUID(text)
	if !ok {
		e.Add(field, notUUID(text))
	}
	return id
}

// Err returns the error, nil if there are no violations.
func (e InvalidError) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

func (e InvalidError) Error() string {
	texts := make([]string, len(e))
	for i, v := range e {
		texts[i] = v.GetField() + ": " + v.GetDescription()
	}
	return strings.Join(texts, "; ")
}

// GRPCStatus returns INVALID_ARGUMENT with the violations.
func (e InvalidError) GRPCStatus() *status.Status {
	return newStatus(codes.InvalidArgument, e.Error(), &errdetails.BadRequest{FieldViolations: e})
}

// ParseUUIDField returns the text as a UUID, or the InvalidError of the field.
func ParseUUIDField(field, text string) (uuid.UUID, error) {
	var bad InvalidError
	id := bad.UUID(field, text)
	return id, bad.Err()
}

func notUUID(s string) string {
	return Quote(s) + " is not a UUID; it has the form 01234567-89ab-cdef-0123-456789abcdef"
}

// Quote returns the text quoted, in ASCII and shortened: an error does not return
// a megabyte of input.
func Quote(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}

// An Error is an error whose text its caller may see.
type Error struct {
	Code    codes.Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// CookieName is the cookie that holds the token of a session, and the metadata in
// which the gateway forwards it.
const CookieName = "vt_session"

// The errors of calls that are rejected.
var (
	// ErrNoSession is returned if a session is needed and none was given.
	ErrNoSession = &Error{codes.Unauthenticated, "no session: log in at /v1/sessions, and send the token as a bearer token or in the cookie " + CookieName}
	// ErrSessionOver is returned for an invalid, expired or ended session.
	ErrSessionOver = &Error{codes.Unauthenticated, "the session is over, or there never was one: log in again"}
	// ErrNotAdmin is returned to a user without the administrator's role.
	ErrNotAdmin = &Error{codes.PermissionDenied, "only administrators may"}
	// ErrKeyReused is returned for an idempotency key that another request has used.
	ErrKeyReused = errors.New("the key was used for another request")

	errNoAnswer = &Error{codes.Unavailable, "no answer in time" + unknownOutcome}
)

// A callError is the status for the caller, with the cause for the log.
type callError struct {
	status *status.Status
	cause  error
}

func (e *callError) Error() string              { return e.cause.Error() }
func (e *callError) Unwrap() error              { return e.cause }
func (e *callError) GRPCStatus() *status.Status { return e.status }

// Translate returns the error that the caller of the request gets for the error
// of a service: its status is for the caller, its text for the log.
func Translate(r *Request, err error) error {
	if err == nil || status.Code(err) == codes.Unimplemented {
		return err
	}
	return &callError{statusOf(r, err), err}
}

// unknownOutcome tells callers that a write may have been done.
const unknownOutcome = "; whether a write was done is unknown, a repeat with the same " + KeyHeader + " is safe"

// statusOf is the table of errors. Errors that are not in it are internal. That
// includes an *InvalidError of the store, because services check all input before
// they write, and a rejection of the application's own certificate.
func statusOf(r *Request, err error) *status.Status {
	var (
		invalid     InvalidError
		badPage     *viewdata.InvalidError
		conflict    *messagestore.IDConflictError
		exhausted   *messagestore.ExhaustedError
		unavailable *messagestore.UnavailableError
		notReady    *viewdata.NotReadyError
		known       *Error
	)
	switch {
	case errors.As(err, &invalid):
		return invalid.GRPCStatus()
	case errors.As(err, &badPage):
		return Invalid(badPage.Field, badPage.Description).GRPCStatus()
	case errors.Is(err, viewdata.ErrNotFound):
		return status.New(codes.NotFound, "there is none with that id")
	case errors.As(err, &conflict) && r.Key != nil, errors.Is(err, ErrKeyReused):
		return newStatus(codes.AlreadyExists, KeyHeader+": it was used for another request, take a new one",
			&errdetails.ErrorInfo{Domain: "application", Reason: "IDEMPOTENCY_KEY_REUSED"})
	case errors.As(err, &exhausted):
		return newStatus(codes.ResourceExhausted, exhausted.Error(),
			&errdetails.RetryInfo{RetryDelay: durationpb.New(exhausted.RetryAfter)})
	case errors.As(err, &unavailable):
		return status.New(codes.Unavailable, "the message store is away"+unknownOutcome)
	case errors.As(err, &notReady):
		return status.New(codes.Unavailable, "View Data is away, or not there yet (the aggregators make it); try again in a moment")
	case errors.As(err, &known):
		return status.New(known.Code, known.Message)
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "not done in time"+unknownOutcome)
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "cancelled by the caller"+unknownOutcome)
	}
	return status.New(codes.Internal, "internal error")
}

func newStatus(code codes.Code, message string, details ...protoadapt.MessageV1) *status.Status {
	s, err := status.New(code, message).WithDetails(details...)
	if err != nil { // a detail that cannot be marshalled
		return status.New(code, message)
	}
	return s
}
