package application

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

// domain is the ErrorInfo.domain of the application's errors.
const domain = "application"

type violation = errdetails.BadRequest_FieldViolation

// An invalidError is a fault of the caller's input. Nothing of the call was done.
type invalidError []*violation

// invalid returns the error of one field, named as in REST.
func invalid(field, description string) invalidError {
	return invalidError{{Field: field, Description: description}}
}

func (e invalidError) Error() string {
	var b strings.Builder
	for i, v := range e {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(v.GetField() + ": " + v.GetDescription())
	}
	return b.String()
}

// orNil returns the error, or nil where nothing is wrong.
func (e invalidError) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// GRPCStatus is how the error crosses the border.
func (e invalidError) GRPCStatus() *status.Status {
	return newStatus(codes.InvalidArgument, e.Error(), &errdetails.BadRequest{FieldViolations: e})
}

// errNoAnswer is returned where the application itself waits no longer.
var errNoAnswer = fmt.Errorf("no answer in %v", callTimeout)

// A callError is an error as its caller gets it, and as the log has it.
type callError struct {
	status *status.Status
	cause  error
}

func (e *callError) Error() string              { return e.cause.Error() }
func (e *callError) Unwrap() error              { return e.cause }
func (e *callError) GRPCStatus() *status.Status { return e.status }

// translate returns what the caller of the request gets for what a service
// returned.
func translate(r *request, err error) error {
	if err == nil || status.Code(err) == codes.Unimplemented {
		return err
	}
	return &callError{statusOf(r, err), err}
}

// statusOf is the table of the errors. What is not in it is internal: so is an
// *InvalidError of the store, since all input is checked before it goes there,
// and a refusal of the application's own certificate.
func statusOf(r *request, err error) *status.Status {
	var (
		refused     invalidError
		conflict    *messagestore.IDConflictError
		exhausted   *messagestore.ExhaustedError
		unavailable *messagestore.UnavailableError
		notReady    *viewdata.NotReadyError
		badPage     *viewdata.InvalidError
		tooSlow     *tooSlowError
	)
	switch {
	case errors.As(err, &refused):
		return refused.GRPCStatus()
	case errors.As(err, &badPage):
		return invalid(badPage.Field, badPage.Description).GRPCStatus()
	case errors.Is(err, viewdata.ErrNotFound):
		return status.New(codes.NotFound, "there is none with that id")
	case errors.Is(err, errNoSession):
		return status.New(codes.Unauthenticated, errNoSession.Error())
	case errors.Is(err, errSessionOver):
		return status.New(codes.Unauthenticated, errSessionOver.Error())
	case errors.Is(err, errWrongLogin):
		return status.New(codes.Unauthenticated, errWrongLogin.Error())
	case errors.Is(err, errNotAdmin):
		return status.New(codes.PermissionDenied, errNotAdmin.Error())
	case errors.As(err, &conflict) && r.key != nil, errors.Is(err, errKeyReused):
		return newStatus(codes.AlreadyExists, keyHeader+": it was used for another request, take a new one",
			&errdetails.ErrorInfo{Domain: domain, Reason: "IDEMPOTENCY_KEY_REUSED"})
	case errors.As(err, &exhausted):
		return newStatus(codes.ResourceExhausted, exhausted.Error(),
			&errdetails.RetryInfo{RetryDelay: durationpb.New(exhausted.RetryAfter)})
	case errors.As(err, &tooSlow):
		return status.New(codes.DeadlineExceeded, tooSlow.Error())
	case errors.As(err, &unavailable):
		return status.New(codes.Unavailable, "the message store is away"+unknownOutcome)
	case errors.As(err, &notReady):
		return status.New(codes.Unavailable, "View Data is away, or not there yet (the aggregators make it); try again in a moment")
	case errors.Is(err, errNoAnswer):
		return status.New(codes.Unavailable, "no answer in time"+unknownOutcome)
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "not done in time"+unknownOutcome)
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "cancelled by the caller"+unknownOutcome)
	}
	return status.New(codes.Internal, "internal error")
}

// unknownOutcome is what a caller has to know who hears that something is away.
const unknownOutcome = "; whether a write was done is unknown, a repeat with the same " + keyHeader + " is safe"

// newStatus returns a status with details.
func newStatus(code codes.Code, message string, details ...protoadapt.MessageV1) *status.Status {
	s, err := status.New(code, message).WithDetails(details...)
	if err != nil { // a detail that cannot be marshalled
		return status.New(code, message)
	}
	return s
}
