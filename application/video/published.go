package video

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"

	"videotutorials/application/call"
	"videotutorials/viewdata"
)

const (
	anyType    = "application/octet-stream"
	posterType = "image/jpeg"
	// cacheControl lets browsers and proxies keep published files, which hardly ever
	// change, for an hour.
	cacheControl = "public, max-age=3600"
)

// video sends the published video, or the requested ranges of it.
func (s *Server) video(w *response, r *http.Request) error {
	video, id, err := s.published(r)
	if err != nil {
		return err
	}
	kind := video.ContentType
	if !strings.HasPrefix(kind, "video/") {
		kind = anyType // unknown, as of videos of the original system
	}
	file, err := s.Media.OpenVideo(id)
	return s.send(w, r, kind, file, err)
}

// poster sends the poster of the published video.
func (s *Server) poster(w *response, r *http.Request) error {
	video, id, err := s.published(r)
	if err != nil {
		return err
	}
	if video.PosterURI == "" {
		return fmt.Errorf("poster: %w", viewdata.ErrNotFound)
	}
	file, err := s.Media.OpenPoster(id)
	return s.send(w, r, posterType, file, err)
}

// published returns the video in the path. It returns viewdata.ErrNotFound unless
// View Data has it as published.
func (s *Server) published(r *http.Request) (video viewdata.PublishedVideo, id uuid.UUID, err error) {
	if id, err = call.ParseUUIDField("videoId", r.PathValue("video_id")); err != nil {
		return video, id, err
	}
	err = call.Bounded(r.Context(), call.Timeout, func(ctx context.Context) (err error) {
		video, err = viewdata.ReadPublishedVideo(ctx, s.ViewData, id.String())
		return err
	})
	return video, id, err
}

// send sends the file and closes it.
func (s *Server) send(w *response, r *http.Request, kind string, file *os.File, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		s.Log.WarnContext(r.Context(), "a published file is missing", "path", r.URL.Path, "traceId", call.From(r.Context()).TraceID)
		return fmt.Errorf("%w: %w", viewdata.ErrNotFound, err)
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("send a file: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	// The content is a user's: browsers MUST NOT take it for anything but the type.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", cacheControl)
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(&fileResponse{response: w}, r, "", info.ModTime(), file)
	return nil
}
