package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"videotutorials/messagestore"
)

// errorTable has every error of the message store and its status. The first
// matching row counts, so an error with fields comes before the errors that it may
// wrap.
var errorTable = []errorRow{
	row(codes.InvalidArgument, "", func(e *messagestore.InvalidError, d *details) {
		switch {
		case !d.decoding:
			d.text, d.violations = summary(e.Violations), bounded(e.Violations)
		case len(d.violations) == 0:
			e.Violations = []messagestore.Violation{{Field: "request", Description: d.text}}
		default:
			e.Violations = d.violations
		}
	}),
	row(codes.Aborted, "VERSION_CONFLICT", func(e *messagestore.VersionConflictError, d *details) {
		text(d, "stream_name", &e.Stream)
		version(d, "expected", &e.Expected)
		number(d, "actual", &e.Actual)
	}),
	row(codes.AlreadyExists, "ID_CONFLICT", func(e *messagestore.IDConflictError, d *details) {
		text(d, "id", &e.ID)
		text(d, "stored_stream_name", &e.StoredStream)
	}),
	row(codes.PermissionDenied, "NOT_OWNER", func(e *messagestore.NotOwnerError, d *details) {
		text(d, "category", &e.Category)
		text(d, "owner", &e.Owner)
	}),
	row(codes.PermissionDenied, "NOT_READER", func(e *messagestore.NotReaderError, d *details) {
		text(d, "category", &e.Category)
	}),
	row(codes.PermissionDenied, "NOT_OPERATOR", func(*messagestore.NotOperatorError, *details) {}),
	row(codes.OutOfRange, "AHEAD_OF_LOG", func(e *messagestore.AheadError, d *details) {
		number(d, "position", &e.Position)
		number(d, "head_position", &e.Head)
	}),
	row(codes.FailedPrecondition, "LOG_DIVERGED", func(e *messagestore.DivergedError, d *details) {
		number(d, "position", &e.Place.Position)
		text(d, "message_id", &e.Place.ID)
	}),
	row(codes.ResourceExhausted, "", func(e *messagestore.ExhaustedError, d *details) {
		if !d.decoding {
			d.text, d.retryAfter = e.Reason, &e.RetryAfter
			return
		}
		e.Reason = d.text
		if d.retryAfter != nil {
			e.RetryAfter = *d.retryAfter
		}
	}),
	// UNAVAILABLE is also the status of gRPC itself if the connection breaks.
	row(codes.Unavailable, "", func(e *messagestore.UnavailableError, d *details) {
		if d.decoding {
			e.Reason = d.text
		} else {
			d.text = e.Reason
		}
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

// row returns the row of an error type. convert converts between the fields of an
// error and the details of its status, in the direction of details.decoding.
func row[T any, E interface {
	*T
	error
}](code codes.Code, reason string, convert func(E, *details)) errorRow {
	return errorRow{code, reason, func(err error, d *details) bool {
		var e E
		if !errors.As(err, &e) {
			return false
		}
		d.text = e.Error()
		convert(e, d)
		return true
	}, func(d *details) error {
		e := E(new(T))
		convert(e, d)
		return e
	}}
}

func sentinel(code codes.Code, sentinel error) errorRow {
	return errorRow{code, "", func(err error, d *details) bool {
		d.text = sentinel.Error()
		return errors.Is(err, sentinel)
	}, func(d *details) error {
		if d.text == sentinel.Error() {
			return sentinel
		}
		return fmt.Errorf("%w: %s", sentinel, d.text) // a status of gRPC itself
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

// Reason returns the name of a Store's error on the wire: the reason of its ErrorInfo
// or, without one, its code, such as NOT_FOUND. It returns "" for other errors.
func Reason(err error) string {
	for _, r := range errorTable {
		if r.encode(err, &details{}) {
			return cmp.Or(r.reason, code.Code(r.code).String())
		}
	}
	return ""
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

// domain is the domain of every ErrorInfo.
const domain = "messagestore"

// maxViolations bounds the violations of a status in bytes, and maxViolation the
// field and the description of one. A status is sent in the trailers, once as text
// and once whole in base64, and some clients accept trailers of 8 KiB only.
const (
	maxViolations = 3 << 10
	maxViolation  = 256
)

// details are the content of a status besides its code.
type details struct {
	text       string
	metadata   map[string]string
	violations []messagestore.Violation
	retryAfter *time.Duration

	decoding  bool // from a status into an error, else the other way
	malformed bool // a required value is absent from the metadata
}

func (d *details) status(code codes.Code, reason string) *status.Status {
	var all []protoadapt.MessageV1
	if reason != "" {
		all = append(all, &errdetails.ErrorInfo{Domain: domain, Reason: reason, Metadata: d.metadata})
	}
	if d.violations != nil {
		var bad errdetails.BadRequest
		for _, v := range d.violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description})
		}
		all = append(all, &bad)
	}
	if d.retryAfter != nil {
		all = append(all, &errdetails.RetryInfo{RetryDelay: durationpb.New(*d.retryAfter)})
	}
	s, err := status.New(code, d.text).WithDetails(all...)
	if err != nil { // a text is not UTF-8
		return status.New(codes.Internal, messagestore.ErrInternal.Error())
	}
	return s
}

func detailsOf(s *status.Status) (d *details, reason string) {
	d = &details{text: s.Message(), decoding: true}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain == domain {
				reason, d.metadata = detail.Reason, detail.Metadata
			}
		case *errdetails.BadRequest:
			for _, v := range detail.FieldViolations {
				d.violations = append(d.violations, messagestore.Violation{Field: v.Field, Description: v.Description})
			}
		case *errdetails.RetryInfo:
			after := detail.RetryDelay.AsDuration()
			d.retryAfter = &after
		}
	}
	return d, reason
}

// text converts a field of an error that is a string in the metadata.
func text[S ~string](d *details, key string, field *S) {
	if d.decoding {
		*field = S(d.metadata[key])
		return
	}
	if d.metadata == nil {
		d.metadata = map[string]string{}
	}
	d.metadata[key] = string(*field)
}

// number converts a field of an error that is a decimal number in the metadata.
func number[N ~int64](d *details, key string, field *N) {
	decimal := strconv.FormatInt(int64(*field), 10)
	text(d, key, &decimal)
	if d.decoding {
		n, err := strconv.ParseInt(decimal, 10, 64)
		*field, d.malformed = N(n), d.malformed || err != nil
	}
}

// version converts a field of an error that is Version.String in the metadata.
func version(d *details, key string, field *messagestore.Version) {
	name := field.String()
	text(d, key, &name)
	if !d.decoding {
		return
	}
	for _, v := range []messagestore.Version{messagestore.None, messagestore.Any, messagestore.Exists} {
		if name == v.String() {
			*field = v
			return
		}
	}
	number(d, key, field)
}

// bounded returns the violations that fit into a status, and then one with the
// number of those left out.
func bounded(violations []messagestore.Violation) []messagestore.Violation {
	var fit []messagestore.Violation
	size := 0
	for i, v := range violations {
		v.Field, v.Description = truncate(v.Field), truncate(v.Description)
		size += len(v.Field) + len(v.Description)
		if size > maxViolations {
			more := fmt.Sprintf("and %d violations more", len(violations)-i)
			return append(fit, messagestore.Violation{Field: "request", Description: more})
		}
		fit = append(fit, v)
	}
	return fit
}

// truncate bounds a text to maxViolation bytes.
func truncate(text string) string {
	if len(text) <= maxViolation {
		return text
	}
	return strings.ToValidUTF8(text[:maxViolation], "") + "…"
}

// summary returns the text of a status with the violations.
func summary(violations []messagestore.Violation) string {
	if len(violations) == 0 {
		return "invalid request"
	}
	first := truncate(violations[0].Field) + ": " + truncate(violations[0].Description)
	if more := len(violations) - 1; more > 0 {
		return fmt.Sprintf("%s; and %d more", first, more)
	}
	return first
}
