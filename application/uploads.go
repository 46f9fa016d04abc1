package application

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

	"videotutorials/internal/media"
	"videotutorials/messagestore"
)

// uploadLimits are what bounds uploads.
type uploadLimits struct {
	// bytes is how many one may have.
	bytes int64
	// silence is how long a client may send nothing, and bytesPerSecond how many
	// it sends at least, on the average: it holds a slot.
	silence        time.Duration
	bytesPerSecond int64
	// ofUser and ofAll are how many may be on their way at a time.
	ofUser, ofAll int
	// waiting and waitingBytes are what a user may have that is not swept yet.
	waiting      int
	waitingBytes int64
}

// DefaultMaxUpload is Config.MaxUpload where none is given: 2 GiB.
const DefaultMaxUpload = 2 << 30

func newUploadLimits(bytes int64) uploadLimits {
	return uploadLimits{
		bytes:   bytes,
		silence: 30 * time.Second, bytesPerSecond: 32 << 10,
		ofUser: 4, ofAll: 64,
		waiting: 100, waitingBytes: 10 * bytes,
	}
}

// sweepInterval is how often what is too old is removed.
const sweepInterval = time.Hour

// uploads takes the files of users. One that is not sent to its end leaves
// nothing, and is sent anew.
type uploads struct {
	limits uploadLimits
	media  *media.Folder
	slots  *slots
}

// receive stores the body as an upload of the caller's.
func (u uploads) receive(w *answer, r *http.Request) error {
	if err := u.check(r); err != nil {
		return err
	}
	req := requestOf(r.Context())
	id, err := uuid.Parse(req.id(purposeUpload))
	if err != nil {
		return fmt.Errorf("make an upload: %w", err)
	}
	done, err := u.repeats(r, req.session.user, id)
	if err == nil && !done {
		err = u.store(w, r, req.session.user, id)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"sourceUri":"%s"}`, media.UploadURI(id)) // an error is the client's, gone
	return nil
}

// repeats reports whether the upload is there already: with a key it may be a
// repeat, of which nothing need be sent again. It returns errKeyReused where the
// file that is there has another size.
func (u uploads) repeats(r *http.Request, owner, id uuid.UUID) (bool, error) {
	size, found, err := u.media.UploadSize(owner, id)
	if found && r.ContentLength >= 0 && size != r.ContentLength {
		return false, errKeyReused
	}
	return found, err
}

// check refuses what need not be read.
func (u uploads) check(r *http.Request) error {
	var bad invalidError
	kinds := r.Header.Values("Content-Type")
	kind, _, err := mime.ParseMediaType(strings.Join(kinds, ", "))
	if subtype, ok := strings.CutPrefix(kind, "video/"); err != nil || !ok || subtype == "" {
		bad = append(bad, invalid("Content-Type", quote(strings.Join(kinds, ", "))+" is not a type of videos; video/* is allowed, as video/mp4")...)
	}
	if r.URL.RawQuery != "" {
		bad = append(bad, invalid("query", "there are no parameters")...)
	}
	if r.ContentLength == 0 {
		bad = append(bad, invalid("body", "is empty")...)
	}
	if len(bad) > 0 {
		return bad
	}
	if r.ContentLength > u.limits.bytes {
		return u.tooLarge()
	}
	return nil
}

func (u uploads) tooLarge() error {
	return &httpError{http.StatusRequestEntityTooLarge, invalid("body", fmt.Sprintf("is larger than %d bytes", u.limits.bytes))}
}

// store writes the body into the folder, all of it or nothing.
func (u uploads) store(w *answer, r *http.Request, owner, id uuid.UUID) error {
	held := u.slots.take(owner.String())
	if held == 0 {
		return &messagestore.ExhaustedError{RetryAfter: 5 * time.Second, Reason: "too many uploads are on their way"}
	}
	defer u.slots.leave(owner.String())
	if err := u.checkRoom(owner, held, r.ContentLength); err != nil {
		return err
	}
	upload, err := u.media.CreateUpload(owner, id, max(0, r.ContentLength))
	if err != nil {
		return diskError(err)
	}
	if err := u.copy(upload, w, r); err != nil {
		return errors.Join(err, upload.Abort())
	}
	return diskError(upload.Commit())
}

// checkRoom refuses an upload to a user who has too much already. What else the
// user has on the way, held less one, counts as if it were as large as may be.
func (u uploads) checkRoom(owner uuid.UUID, held int, size int64) error {
	count, bytes, err := u.media.Uploads(owner)
	if err != nil {
		return err
	}
	if size < 0 {
		size = u.limits.bytes
	}
	if count+held > u.limits.waiting || bytes+int64(held-1)*u.limits.bytes+size > u.limits.waitingBytes {
		return &messagestore.ExhaustedError{RetryAfter: sweepInterval, Reason: fmt.Sprintf(
			"too many uploads wait: up to %d with %d bytes may, each for %.0f days", u.limits.waiting, u.limits.waitingBytes, media.UploadAge.Hours()/24)}
	}
	return nil
}

// copy writes the body into the upload.
func (u uploads) copy(upload io.Writer, w *answer, r *http.Request) error {
	body := &patientReader{body: r.Body, control: w.control, limits: u.limits, began: time.Now()}
	n, err := io.CopyBuffer(upload, body, make([]byte, chunkSize))
	switch tooLarge := new(http.MaxBytesError); {
	case err == nil && n == 0:
		return invalid("body", "is empty")
	case err == nil:
		return nil
	case body.err == nil, errors.Is(body.err, io.EOF): // it is not the body's
		return diskError(err)
	case errors.As(err, &tooLarge):
		return u.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &httpError{http.StatusRequestTimeout, &tooSlowError{u.limits}}
	}
	return fmt.Errorf("%w: %w", invalid("body", "ends too early"), err)
}

// A tooSlowError is returned to a client that sends too few bytes.
type tooSlowError struct {
	limits uploadLimits
}

func (e *tooSlowError) Error() string {
	return fmt.Sprintf("the upload is too slow: it may stop for %v, and must have %d bytes a second; nothing of it is kept",
		e.limits.silence, e.limits.bytesPerSecond)
}

// diskError returns what is wrong with the disk.
func diskError(err error) error {
	if errors.Is(err, media.ErrNoRoom) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", &messagestore.ExhaustedError{RetryAfter: time.Minute, Reason: "the disk has too little room for uploads"}, err)
	}
	return err
}

// A patientReader reads a body for as long as its client sends: it fails with
// os.ErrDeadlineExceeded where bytes come too slowly, or not at all.
type patientReader struct {
	body    io.Reader
	control *http.ResponseController
	limits  uploadLimits
	began   time.Time
	n       int64
	// err is the last error of the body.
	err error
}

func (p *patientReader) Read(b []byte) (n int, err error) {
	// In one deadline: that of a silence, and when as much should be here that one
	// byte more is wanted.
	late := p.began.Add(p.limits.silence + time.Duration(float64(p.n)/float64(p.limits.bytesPerSecond)*float64(time.Second)))
	if silent := time.Now().Add(p.limits.silence); silent.Before(late) {
		late = silent
	}
	// Over HTTP/2 the deadline of the answer is one of the whole call.
	err = errors.Join(p.control.SetReadDeadline(late), p.control.SetWriteDeadline(late.Add(takePatience)))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		n, err = p.body.Read(b)
	}
	p.n += int64(n)
	p.err = err
	return n, err
}

// counted counts the bytes of a body.
type counted struct {
	io.ReadCloser
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n += int64(n)
	return n, err
}

// sweep removes what is too old, now and from time to time, until the context
// ends.
func (a *Application) sweep(ctx context.Context) error {
	again := time.NewTicker(sweepInterval)
	defer again.Stop()
	for {
		if removed, err := a.config.Media.Sweep(time.Now()); err != nil || removed > 0 {
			a.config.Log.Info("media swept", "removed", removed, "err", err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}
