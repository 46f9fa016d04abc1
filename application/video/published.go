package video

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/application/rest"
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

const (
	// receiveTimeout is how long a client may take to receive chunkSize bytes. A
	// paused player receives none; it continues later with a range.
	receiveTimeout = 60 * time.Second
	chunkSize      = 256 << 10
)

// A response counts its bytes. It may take as long as its client receives bytes: it
// replaces the server's timeout of a whole answer by one for each chunk.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

// WriteHeader sends the header.
func (w *response) WriteHeader(code int) {
	w.extend()
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Write sends a part of the body.
func (w *response) Write(p []byte) (int, error) {
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	w.count(int64(n))
	return n, err
}

// ReadFrom sends the reader's bytes. Those of a file are copied by the kernel.
func (w *response) ReadFrom(r io.Reader) (sent int64, err error) {
	left := &io.LimitedReader{R: r, N: 1<<63 - 1}
	if limited, ok := r.(*io.LimitedReader); ok {
		left = limited // the kernel copies only through one LimitedReader
	}
	for total := left.N; total > 0; {
		w.extend()
		chunk := &io.LimitedReader{R: left.R, N: min(chunkSize, total)}
		want := chunk.N
		n, err := io.Copy(w.ResponseWriter, chunk)
		w.count(n)
		sent, total = sent+n, total-n
		left.N -= n
		if err != nil || n < want {
			return sent, err
		}
	}
	return sent, nil
}

// extend extends the deadline. A test's recorder has none.
func (w *response) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(receiveTimeout)) }

func (w *response) count(n int64) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.bytes += n
}

// A fileResponse is a response for http.ServeContent, whose plain-text errors it
// replaces by JSON.
type fileResponse struct {
	*response
	rejected bool
}

// WriteHeader sends the header, or the error.
func (w *fileResponse) WriteHeader(code int) {
	var s *status.Status
	switch {
	case code < http.StatusBadRequest:
		w.response.WriteHeader(code)
		return
	case code == http.StatusRequestedRangeNotSatisfiable:
		s = status.New(codes.OutOfRange, "there is nothing in that range")
	case code == http.StatusPreconditionFailed:
		s = status.New(codes.FailedPrecondition, "it is not the one that was asked for")
	default:
		s = status.New(codes.Internal, "internal error")
	}
	w.rejected = true
	w.Header().Del("Cache-Control")
	rest.WriteError(w.response, code, s)
}

// Write sends a part of the body. It drops the text of an error.
func (w *fileResponse) Write(p []byte) (int, error) {
	if w.rejected {
		return len(p), nil
	}
	return w.response.Write(p)
}
