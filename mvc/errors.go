package mvc

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"videotutorials/internal/database"
)

// An invalidError is a fault of the caller's input. Nothing was done.
type invalidError struct{ field, description string }

func (e *invalidError) Error() string { return e.field + ": " + e.description }

// errUnknownVideo is returned for a viewing of a video that has no row.
var errUnknownVideo = errors.New("there is no video with that id")

// An awayError is returned while the database does not answer, or has no table
// yet. Another try may succeed.
type awayError struct{ cause error }

func (e *awayError) Error() string { return "the database is away: " + e.cause.Error() }

func (e *awayError) Unwrap() error { return e.cause }

// SQLSTATEs of what is not there yet.
const (
	undefinedTable   = "42P01"
	undefinedCatalog = "3D000" // the database
)

// translate returns an *awayError for what passes by itself, and the context's
// error where that has ended. All others stay as they are.
func translate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	state := database.SQLState(err)
	if state == "" {
		return &awayError{err} // no answer: the connection could not be made, or broke
	}
	switch state {
	case undefinedTable, undefinedCatalog:
		return &awayError{err}
	}
	switch state[:2] {
	case "08", "53", "57": // connection, resources, shutdown
		return &awayError{err}
	}
	return err
}

// unknownOutcome is what a caller has to know who hears that something is away.
const unknownOutcome = "; whether a viewing was counted is unknown, and a repeat may count it twice"

// statusOf is the table of the errors: what the caller gets.
func statusOf(err error) (int, *status.Status) {
	var (
		bad      *invalidError
		tooLarge *http.MaxBytesError
		away     *awayError
	)
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, badRequest(&invalidError{"body", fmt.Sprintf("is larger than %d bytes", tooLarge.Limit)})
	case errors.As(err, &bad):
		return http.StatusBadRequest, badRequest(bad)
	case errors.Is(err, errUnknownVideo):
		return http.StatusNotFound, status.New(codes.NotFound, errUnknownVideo.Error())
	case errors.As(err, &away):
		return http.StatusServiceUnavailable, status.New(codes.Unavailable, "the database is away, or not there yet"+unknownOutcome)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, status.New(codes.Unavailable, "no answer in time"+unknownOutcome)
	case errors.Is(err, context.Canceled):
		return statusClientGone, status.New(codes.Canceled, "cancelled by the caller"+unknownOutcome)
	}
	return http.StatusInternalServerError, status.New(codes.Internal, "internal error")
}

// statusClientGone is what the metrics call an answer that nobody waited for.
const statusClientGone = 499

func badRequest(bad *invalidError) *status.Status {
	s, err := status.New(codes.InvalidArgument, bad.Error()).WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: bad.field, Description: bad.description}},
	})
	if err != nil { // a detail that cannot be marshalled
		return status.New(codes.InvalidArgument, bad.Error())
	}
	return s
}

// writeError answers with a status as JSON.
func writeError(w http.ResponseWriter, code int, s *status.Status) {
	body, err := protojson.Marshal(s.Proto())
	if err != nil { // a detail of a type that is not linked in
		body = []byte(`{"code":13,"message":"internal error"}`)
	}
	writeJSON(w, code, body)
}

func writeJSON(w http.ResponseWriter, code int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // an error here is the client's, gone
}
