package video

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"videotutorials/application/call"
	"videotutorials/internal/media"
	"videotutorials/messagestore"
)

// Limits bound uploads.
type Limits struct {
	// Bytes bounds one upload.
	Bytes int64
	// Silence is how long a client may send nothing, and BytesPerSecond how many
	// bytes it MUST send on the average.
	Silence        time.Duration
	BytesPerSecond int64
	// UserConcurrent and Concurrent bound the uploads that run at the same time, of
	// a user and in total.
	UserConcurrent, Concurrent int
	// Stored and StoredBytes bound the uploads of a user that are stored until they
	// are swept.
	Stored      int
	StoredBytes int64
}

// DefaultMaxUpload is the default of Limits.Bytes: 2 GiB.
const DefaultMaxUpload = 2 << 30

// NewLimits returns the limits of uploads with up to maxBytes.
func NewLimits(maxBytes int64) Limits {
	return Limits{
		Bytes:   maxBytes,
		Silence: 30 * time.Second, BytesPerSecond: 32 << 10,
		UserConcurrent: 4, Concurrent: 64,
		Stored: 100, StoredBytes: 10 * maxBytes,
	}
}

const sweepInterval = time.Hour

// upload stores the body as an upload of the caller. Nothing is kept of an upload
// that ends early.
func (s *Server) upload(w *response, r *http.Request) error {
	if err := s.checkUpload(r); err != nil {
		return err
	}
	req := call.From(r.Context())
	id, err := uuid.Parse(req.ID(call.PurposeUpload))
	if err != nil {
		return fmt.Errorf("make an upload: %w", err)
	}
	owner := req.Session.User
	// With an idempotency key the file may be there already: it is not sent again.
	size, found, err := s.Media.UploadSize(owner, id)
	switch {
	case found && r.ContentLength >= 0 && size != r.ContentLength:
		err = call.ErrKeyReused
	case err == nil && !found:
		err = s.store(w, r, owner, id)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"sourceUri":"%s"}`, media.UploadURI(id)) // fails only if the client is gone
	return nil
}

// checkUpload rejects what is wrong with the headers.
func (s *Server) checkUpload(r *http.Request) error {
	var bad call.InvalidError
	header := strings.Join(r.Header.Values("Content-Type"), ", ")
	kind, _, err := mime.ParseMediaType(header)
	if subtype, ok := strings.CutPrefix(kind, "video/"); err != nil || !ok || subtype == "" {
		bad.Add("Content-Type", call.Quote(header)+" is not a type of videos; video/* is allowed, as video/mp4")
	}
	if r.URL.RawQuery != "" {
		bad.Add("query", "there are no parameters")
	}
	if r.ContentLength == 0 {
		bad.Add("body", "is empty")
	}
	if len(bad) == 0 && r.ContentLength > s.Limits.Bytes {
		return s.tooLarge()
	}
	return bad.Err()
}

func (s *Server) tooLarge() error {
	return &httpError{http.StatusRequestEntityTooLarge, call.Invalid("body", fmt.Sprintf("is larger than %d bytes", s.Limits.Bytes))}
}

// store writes the whole body into the folder, or nothing.
func (s *Server) store(w *response, r *http.Request, owner, id uuid.UUID) error {
	running, ok := s.uploads.TryAcquire(owner.String())
	if !ok {
		return &messagestore.ExhaustedError{RetryAfter: 5 * time.Second, Reason: "too many uploads are on their way"}
	}
	defer s.uploads.Release(owner.String())
	if err := s.checkStored(owner, running, r.ContentLength); err != nil {
		return err
	}
	upload, err := s.Media.CreateUpload(owner, id, max(0, r.ContentLength))
	if err != nil {
		return diskError(err)
	}
	if err := s.copy(upload, w, r); err != nil {
		return errors.Join(err, upload.Abort())
	}
	return diskError(upload.Commit())
}

// checkStored rejects an upload to a user with too many stored ones. The user's
// running uploads, this one excepted, count with the largest possible size.
func (s *Server) checkStored(owner uuid.UUID, running int, size int64) error {
	count, bytes, err := s.Media.Uploads(owner)
	if err != nil {
		return err
	}
	if size < 0 {
		size = s.Limits.Bytes
	}
	if count+running > s.Limits.Stored || bytes+int64(running-1)*s.Limits.Bytes+size > s.Limits.StoredBytes {
		return &messagestore.ExhaustedError{RetryAfter: sweepInterval, Reason: fmt.Sprintf(
			"too many uploads wait: up to %d with %d bytes may, each for %.0f days", s.Limits.Stored, s.Limits.StoredBytes, media.UploadAge.Hours()/24)}
	}
	return nil
}

func (s *Server) copy(upload io.Writer, w *response, r *http.Request) error {
	body := &timedReader{body: r.Body, control: w.control, limits: s.Limits, began: time.Now()}
	n, err := io.CopyBuffer(upload, body, make([]byte, chunkSize))
	switch tooLarge := new(http.MaxBytesError); {
	case err == nil && n == 0:
		return call.Invalid("body", "is empty")
	case err == nil:
		return nil
	case body.err == nil, errors.Is(body.err, io.EOF): // an error of the upload, not of the body
		return diskError(err)
	case errors.As(err, &tooLarge):
		return s.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &httpError{http.StatusRequestTimeout, &call.Error{Code: codes.DeadlineExceeded, Message: fmt.Sprintf(
			"the upload is too slow: it may stop for %v, and must have %d bytes a second; nothing of it is kept",
			s.Limits.Silence, s.Limits.BytesPerSecond)}}
	}
	return fmt.Errorf("%w: %w", call.Invalid("body", "ends too early"), err)
}

// diskError translates the errors of a full disk.
func diskError(err error) error {
	if errors.Is(err, media.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", &messagestore.ExhaustedError{RetryAfter: time.Minute, Reason: "the disk has too little room for uploads"}, err)
	}
	return err
}

// A timedReader reads a body as long as its client sends enough. It fails with
// os.ErrDeadlineExceeded if bytes arrive too slowly or not at all.
type timedReader struct {
	body    io.Reader
	control *http.ResponseController
	limits  Limits
	began   time.Time
	n       int64
	// err is the last error of the body.
	err error
}

func (t *timedReader) Read(b []byte) (n int, err error) {
	// The deadline is the earlier of two: that of the silence, and that of the
	// average for one more byte.
	deadline := t.began.Add(t.limits.Silence + time.Duration(float64(t.n)/float64(t.limits.BytesPerSecond)*float64(time.Second)))
	if silent := time.Now().Add(t.limits.Silence); silent.Before(deadline) {
		deadline = silent
	}
	// Over HTTP/2 the write deadline is that of the whole call.
	err = errors.Join(t.control.SetReadDeadline(deadline), t.control.SetWriteDeadline(deadline.Add(receiveTimeout)))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		n, err = t.body.Read(b)
	}
	t.n += int64(n)
	t.err = err
	return n, err
}

// Sweep removes uploads that are too old, at once and then every hour, until the
// context ends.
func (s *Server) Sweep(ctx context.Context) error {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		if removed, err := s.Media.Sweep(time.Now()); err != nil || removed > 0 {
			s.Log.Info("media swept", "count", removed, "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
