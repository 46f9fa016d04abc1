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
)

const (
	defaultPage = 50
	maxPage     = 1000
)

type homePage struct {
	VideosWatched int64   `json:"videosWatched,string"`
	Videos        []video `json:"videos"`
	NextPageToken string  `json:"nextPageToken"`
}

// home is GET /v1/home?pageSize=&pageToken=.
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

// pageOf returns how many videos the page has at most, and the row before it.
func pageOf(query string) (size int, after int64, err error) {
	values, err := parameters(query, "pageSize", "pageToken")
	if err != nil {
		return 0, 0, err
	}
	if given := values.Get("pageSize"); given != "" {
		size, err = strconv.Atoi(given)
		if err != nil || size < 0 || size > maxPage {
			return 0, 0, &invalidError{"pageSize", fmt.Sprintf("is %s; 0 to %d are allowed, 0 means %d", quote(given), maxPage, defaultPage)}
		}
	}
	if given := values.Get("pageToken"); given != "" {
		after, err = strconv.ParseInt(given, 10, 64)
		if err != nil || after < 1 {
			return 0, 0, &invalidError{"pageToken", quote(given) + " is not the nextPageToken of a page"}
		}
	}
	return cmp.Or(size, defaultPage), after, nil
}

// parameters returns those of the query, each of which must be one of the allowed
// ones.
func parameters(query string, allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, &invalidError{"query", quote(query) + " is malformed"}
	}
	for name, given := range values {
		switch {
		case !slices.Contains(allowed, name):
			return nil, &invalidError{shorten(name), "there is no such parameter"}
		case len(given) > 1:
			return nil, &invalidError{name, "is given more than once"}
		}
	}
	return values, nil
}

type receipt struct {
	TraceID string `json:"traceId"`
}

// recordViewing is POST /v1/videos/{video_id}/viewings. An answer means that the
// viewing is on disk.
func (s *Server) recordViewing(ctx context.Context, r *http.Request, traceID string) (any, error) {
	given := r.PathValue("video_id")
	video, err := uuid.Parse(given)
	// The package also takes braces, a urn prefix and no dashes.
	if err != nil || len(given) != len(uuid.Nil.String()) {
		return nil, &invalidError{"videoId", quote(given) + " is not a UUID; it has the form 01234567-89ab-cdef-0123-456789abcdef"}
	}
	if _, err := parameters(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := wantNothing(r.Body); err != nil {
		return nil, err
	}
	if err := count(ctx, s.config.DB, video); err != nil {
		return nil, err
	}
	return receipt{traceID}, nil
}

// wantNothing refuses a body that is neither empty nor an object without fields.
func wantNothing(r io.Reader) error {
	body, err := io.ReadAll(r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return &invalidError{"body", "ends too early"}
	case len(bytes.TrimSpace(body)) == 0:
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return &invalidError{"body", "is not a JSON object"}
	}
	for name := range object {
		return &invalidError{shorten(name), "there is no such field"}
	}
	return nil
}

// quote returns the text in quotes, in ASCII, and shortened: an error does not
// send back a megabyte.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}

// shorten makes a name that somebody invented fit to be sent back.
func shorten(name string) string { return strings.Trim(quote(name), `"`) }
