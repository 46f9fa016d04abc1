package mvc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"videotutorials/internal/database"
)

const (
	defaultPageSize = 50
	maxPageSize     = 1000
)

type homePage struct {
	VideosWatched int64   `json:"videosWatched,string"`
	Videos        []video `json:"videos"`
	NextPageToken string  `json:"nextPageToken"`
}

// home serves GET /v1/home?pageSize=&pageToken=.
func (s *Server) home(ctx context.Context, r *http.Request, _ string) (any, error) {
	size, after, err := pageOf(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	page := homePage{}
	page.VideosWatched, page.Videos, err = watched(ctx, s.config.DB, after, size+1)
	if err != nil {
		return nil, err
	}
	if len(page.Videos) > size {
		page.Videos = page.Videos[:size]
		page.NextPageToken = strconv.FormatInt(page.Videos[size-1].ID, 10)
	}
	return page, nil
}

// pageOf returns the size of the page, and the id of the row before it.
func pageOf(query string) (size int, after int64, err error) {
	values, err := parameters(query, "pageSize", "pageToken")
	if err != nil {
		return 0, 0, err
	}
	if text := values.Get("pageSize"); text != "" {
		size, err = strconv.Atoi(text)
		if err != nil || size < 0 || size > maxPageSize {
			return 0, 0, invalid("pageSize", fmt.Sprintf("is %s; 0 to %d are allowed, 0 means %d", quote(text), maxPageSize, defaultPageSize))
		}
	}
	if text := values.Get("pageToken"); text != "" {
		after, err = strconv.ParseInt(text, 10, 64)
		if err != nil || after < 1 {
			return 0, 0, invalid("pageToken", quote(text)+" is not the nextPageToken of a page")
		}
	}
	return cmp.Or(size, defaultPageSize), after, nil
}

// parameters returns the parameters of the query, each of which must be allowed.
func parameters(query string, allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, invalid("query", quote(query)+" is malformed")
	}
	for name, given := range values {
		switch {
		case !slices.Contains(allowed, name):
			return nil, invalid(shorten(name), "there is no such parameter")
		case len(given) > 1:
			return nil, invalid(name, "is given more than once")
		}
	}
	return values, nil
}

type receipt struct {
	TraceID string `json:"traceId"`
}

// recordViewing serves POST /v1/videos/{video_id}/viewings. When it returns without an
// error, the viewing is on disk.
func (s *Server) recordViewing(ctx context.Context, r *http.Request, traceID string) (any, error) {
	text := r.PathValue("video_id")
	video, err := uuid.Parse(text)
	// The package also accepts braces, a urn prefix and no dashes.
	if err != nil || len(text) != len(uuid.Nil.String()) {
		return nil, invalid("videoId", quote(text)+" is not a UUID; it has the form 01234567-89ab-cdef-0123-456789abcdef")
	}
	if _, err := parameters(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := checkEmpty(r.Body); err != nil {
		return nil, err
	}
	return receipt{traceID}, count(ctx, s.config.DB, video)
}

// checkEmpty returns an error unless the body is empty or an empty object.
func checkEmpty(r io.Reader) error {
	body, err := io.ReadAll(r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return invalid("body", "ends too early")
	case len(bytes.TrimSpace(body)) == 0:
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return invalid("body", "is not a JSON object")
	}
	for name := range object {
		return invalid(shorten(name), "there is no such field")
	}
	return nil
}

// quote returns at most 64 bytes of the text, quoted in ASCII, so that an error does
// not return a megabyte.
func quote(s string) string {
	const limit = 64
	if len(s) > limit {
		return fmt.Sprintf("%+q...", s[:limit])
	}
	return fmt.Sprintf("%+q", s)
}

// shorten is quote without the quotes, for the name of a field.
func shorten(name string) string { return strings.Trim(quote(name), `"`) }

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
