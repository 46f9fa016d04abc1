package application

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/internal/interceptor"
	"videotutorials/internal/media"
	"videotutorials/viewdata"
)

// published serves the published videos and their posters.
type published struct {
	media    *media.Folder
	viewData *pgxpool.Pool
	log      *slog.Logger
}

const (
	anyType    = "application/octet-stream"
	posterType = "image/jpeg"
	// cacheFor lets browsers and proxies keep what is published, for an hour: it
	// hardly ever changes.
	cacheFor = "public, max-age=3600"
)

// video sends the video, or the ranges of it that are asked for.
func (f published) video(w *answer, r *http.Request) error {
	video, id, err := f.find(r)
	if err != nil {
		return err
	}
	kind := video.ContentType
	if !strings.HasPrefix(kind, "video/") {
		kind = anyType // of the original system, or of nobody we know
	}
	file, err := f.media.OpenVideo(id)
	return f.send(w, r, kind, file, err)
}

// poster sends the video's poster.
func (f published) poster(w *answer, r *http.Request) error {
	video, id, err := f.find(r)
	if err != nil {
		return err
	}
	if video.PosterURI == "" {
		return fmt.Errorf("poster: %w", viewdata.ErrNotFound)
	}
	file, err := f.media.OpenPoster(id)
	return f.send(w, r, posterType, file, err)
}

// find returns the video in the path, which View Data says is published.
func (f published) find(r *http.Request) (video viewdata.PublishedVideo, id uuid.UUID, err error) {
	if id, err = uuidOf(r, "video_id", "videoId"); err != nil {
		return video, id, err
	}
	err = bounded(r.Context(), func(ctx context.Context) (err error) {
		video, err = viewdata.ReadPublishedVideo(ctx, f.viewData, id.String())
		return err
	})
	return video, id, err
}

// send sends the file, which it closes.
func (f published) send(w *answer, r *http.Request, kind string, file *os.File, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		f.log.WarnContext(r.Context(), "a published file is missing", "path", r.URL.Path, "traceId", interceptor.TraceID(r.Context()))
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
	// It is what somebody has sent: nothing but the video that it says it is.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", cacheFor)
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(&fileAnswer{answer: w}, r, "", info.ModTime(), file)
	return nil
}
