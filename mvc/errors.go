package mvc

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"

	"videotutorials/internal/database"
)

// An apiError is the answer to a request that was not served: an HTTP status, and a
// google.rpc.Status as JSON.
type apiError struct {
	status  int
	Code    codes.Code `json:"code"`
	Message string     `json:"message"`
	Details []any      `json:"details,omitempty"`
}

func (e *apiError) Error() string { return e.Message }

// invalid returns the error for a field of the input, with a google.rpc.BadRequest.
func invalid(field, description string) *apiError {
	type violation struct {
		Field       string `json:"field"`
		Description string `json:"description"`
	}
	return &apiError{
		status: http.StatusBadRequest, Code: codes.InvalidArgument, Message: field + ": " + description,
		Details: []any{map[string]any{
			"@type":           "type.googleapis.com/google.rpc.BadRequest",
			"fieldViolations": []violation{{field, description}},
		}},
	}
}

var (
	errUnknownVideo = &apiError{status: http.StatusNotFound, Code: codes.NotFound, Message: "there is no video with that id"}

	// errAway is returned while the database does not answer or has no table yet.
	// Another attempt may succeed.
	errAway = errors.New("the database is away")
)

// translate returns errAway for a temporary error of the database, and the context's
// error if that has ended. Others are returned as they are.
func translate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	state := database.SQLState(err)
	switch state {
	case "", // the connection broke or was not made
		"42P01", "3D000": // the table or the database does not exist yet
		return fmt.Errorf("%w: %w", errAway, err)
	}
	switch state[:2] {
	case "08", "53", "57": // connection, resources, shutdown
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return err
}

const (
	unknownOutcome = "; whether a viewing was counted is unknown, and a repeat may count it twice"
	// statusClientGone is the status in the metrics of an answer without a reader.
	statusClientGone = 499
)

// toAPIError returns the answer for an error.
func toAPIError(err error) *apiError {
	var (
		known    *apiError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &tooLarge):
		e := invalid("body", fmt.Sprintf("is larger than %d bytes", tooLarge.Limit))
		e.status = http.StatusRequestEntityTooLarge
		return e
	case errors.Is(err, errAway):
		return &apiError{status: http.StatusServiceUnavailable, Code: codes.Unavailable, Message: "the database is away, or not there yet" + unknownOutcome}
	case errors.Is(err, context.DeadlineExceeded):
		return &apiError{status: http.StatusServiceUnavailable, Code: codes.Unavailable, Message: "no answer in time" + unknownOutcome}
	case errors.Is(err, context.Canceled):
		return &apiError{status: statusClientGone, Code: codes.Canceled, Message: "cancelled by the caller" + unknownOutcome}
	}
	return &apiError{status: http.StatusInternalServerError, Code: codes.Internal, Message: "internal error"}
}
