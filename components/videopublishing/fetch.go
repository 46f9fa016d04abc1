package videopublishing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"videotutorials/internal/media"
)

const (
	maxRedirects = 5
	// fetchTimeout bounds a fetch, silence one that has stopped.
	fetchTimeout = time.Hour
	// slowest is how many bytes a second have to come, after a first silence.
	slowest = 32 << 10
	silence = 30 * time.Second
	// maxHeader bounds the header of an answer.
	maxHeader = 64 << 10
)

// A fetcher fetches sources.
type fetcher struct {
	client *http.Client
	// most bounds a source, in bytes; silence is how long nothing of it may come.
	most    int64
	silence time.Duration
}

func newFetcher(allowPrivate bool, most int64) fetcher {
	return fetcher{
		client: &http.Client{
			// No proxy: it would connect for us, where we do not look.
			Transport: &http.Transport{
				DialContext:            dialer(allowPrivate).DialContext,
				TLSHandshakeTimeout:    connectTimeout,
				ResponseHeaderTimeout:  silence,
				MaxResponseHeaderBytes: maxHeader,
				DisableKeepAlives:      true,
				DisableCompression:     true,
			},
			CheckRedirect: func(next *http.Request, via []*http.Request) error {
				if len(via) > maxRedirects {
					return &redirectError{fmt.Sprintf("it redirects more than %d times", maxRedirects)}
				}
				if !fetchable(next.URL) {
					return &redirectError{"it redirects to what is neither http nor https"}
				}
				return nil
			},
		},
		most: most, silence: silence,
	}
}

// A redirectError says why a redirect is not followed.
type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

func fetchable(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// errSilent says that a source has stopped in the middle, or nearly.
var errSilent = errors.New("nothing came for too long")

// fetch writes what is at the address to a new file, and returns its path.
func (f fetcher) fetch(ctx context.Context, address string, scratch *media.Scratch) (path string, err error) {
	u, err := url.Parse(address)
	if err != nil || !fetchable(u) {
		return "", refuse(unreachableSource, err, "the source is neither an upload nor an http or https address")
	}
	bounded, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	heard, stop := context.WithCancelCause(bounded)
	defer stop(nil)
	request, err := http.NewRequestWithContext(heard, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return "", refuse(unreachableSource, err, "the source's address is none")
	}
	request.Header.Set("User-Agent", "videotutorials")
	response, err := f.client.Do(request)
	var withAddress *url.Error
	if errors.As(err, &withAddress) {
		err = withAddress.Err // the address may be signed, and is not for the log
	}
	if err == nil {
		defer response.Body.Close() //nolint:errcheck // it was only read
		watch := time.AfterFunc(f.silence, func() { stop(errSilent) })
		defer watch.Stop()
		began, n := time.Now(), int64(0)
		err = f.keep(response, scratch, func(more int) {
			n += int64(more)
			if late := time.Since(began) - f.silence; late > 0 && n < int64(late.Seconds()*slowest) {
				stop(errSilent) // it holds a place that others wait for
				return
			}
			watch.Reset(f.silence)
		})
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case bounded.Err() != nil:
		return "", refuse(unreachableSource, err, "to fetch the source takes longer than %v", fetchTimeout)
	}
	return scratch.Path(source), unreachable(err)
}

// source is the name of the file that is fetched.
const source = "source"

// keep writes the answer to a new file.
func (f fetcher) keep(response *http.Response, scratch *media.Scratch, heard func(n int)) (err error) {
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		return unanswered(nil, "the source answers %d", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return refuse(unreachableSource, nil, "the source answers %d", response.StatusCode)
	case response.ContentLength > f.most:
		return f.tooLarge()
	}
	file, err := scratch.Create(source, max(0, response.ContentLength))
	if err != nil {
		return &diskError{err}
	}
	n, err := io.Copy(disk{file}, io.LimitReader(heeded{response.Body, heard}, f.most+1))
	if closing := file.Close(); closing != nil && err == nil {
		err = &diskError{closing}
	}
	if err == nil && n > f.most {
		err = f.tooLarge()
	}
	return err
}

func (f fetcher) tooLarge() error {
	return refuse(tooLarge, nil, "the source is larger than %d MiB", f.most>>20)
}

// unreachable returns what the error of a fetch means.
func unreachable(err error) error {
	var (
		known    *failure
		full     *diskError
		address  *addressError
		redirect *redirectError
		name     *net.DNSError
	)
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &full):
		return full.cause
	case errors.As(err, &address):
		return refuse(unreachableSource, err, "the source is at a private address: only public ones are fetched")
	case errors.As(err, &redirect):
		return refuse(unreachableSource, err, "the source cannot be fetched: %s", redirect.reason)
	case errors.As(err, &name) && name.IsNotFound:
		return refuse(unreachableSource, err, "the source's host is not known")
	}
	return unanswered(err, "the source does not answer, or breaks off")
}

// A heeded reader tells when something came.
type heeded struct {
	io.Reader
	heard func(n int)
}

func (h heeded) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.heard(n)
	}
	return n, err
}

// A disk is a file whose errors are told from those of the source.
type disk struct{ file *media.File }

func (d disk) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	if err != nil {
		err = &diskError{err}
	}
	return n, err
}

// A diskError is one of this machine, not of the source.
type diskError struct{ cause error }

func (e *diskError) Error() string { return e.cause.Error() }
func (e *diskError) Unwrap() error { return e.cause }
