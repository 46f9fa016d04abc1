package videopublishing

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"videotutorials/internal/media"
)

const (
	// sourceFile is the name of a fetched file in the scratch folder.
	sourceFile = "source"

	maxRedirects   = 5
	maxHeader      = 64 << 10 // bytes of a response
	connectTimeout = 10 * time.Second
	fetchTimeout   = time.Hour
	// A source has to send something every silence, and after the first silence
	// minRate bytes a second in the mean: a fetch takes up one of few attempts.
	silence = 30 * time.Second
	minRate = 32 << 10
)

// A fetcher downloads sources.
type fetcher struct {
	client *http.Client
	// max limits the size of a source, in bytes.
	max     int64
	silence time.Duration
}

func newFetcher(allowPrivate bool, maxBytes int64) fetcher {
	return fetcher{
		client: &http.Client{
			// There is no proxy: it would connect for us to unchecked addresses.
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
					return reject(unreachableSource, nil, "the source cannot be fetched: it redirects more than %d times", maxRedirects)
				}
				if !fetchable(next.URL) {
					return reject(unreachableSource, nil, "the source cannot be fetched: it redirects to an address that is neither http nor https")
				}
				return nil
			},
		},
		max: maxBytes, silence: silence,
	}
}

// errPrivate is the cause of a failure to connect to an address that is not public.
var errPrivate = errors.New("not a public address")

// dialer returns a dialer that connects only to public addresses, unless allowPrivate. It
// checks the address of the connection itself: a name that is checked earlier may resolve
// to another address by then.
func dialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: connectTimeout}
	if allowPrivate {
		return d
	}
	d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err == nil && !media.Public(to.Addr()) {
			err = reject(unreachableSource, errPrivate, "the source is at a private address: only public ones are fetched")
		}
		return err
	}
	return d
}

func fetchable(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// fetch downloads the source to a file in the scratch folder and returns its path. Errors
// of the source are *failure; other errors are of this machine, or of the context.
func (f fetcher) fetch(ctx context.Context, address string, scratch *media.Scratch) (path string, err error) {
	u, err := url.Parse(address)
	if err != nil || !fetchable(u) {
		return "", reject(unreachableSource, err, "the source is neither an upload nor an http or https address")
	}
	limited, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	err = f.download(limited, u, scratch)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return "", reject(unreachableSource, err, "to fetch the source takes longer than %v", fetchTimeout)
	}
	return scratch.Path(sourceFile), err
}

func (f fetcher) download(ctx context.Context, u *url.URL, scratch *media.Scratch) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return reject(unreachableSource, err, "the source's address is invalid")
	}
	request.Header.Set("User-Agent", "videotutorials")
	response, err := f.client.Do(request)
	if err != nil {
		return unreachable(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		return unanswered(nil, "the source answers %d", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return reject(unreachableSource, nil, "the source answers %d", response.StatusCode)
	case response.ContentLength > f.max:
		return f.tooLarge()
	}
	file, err := scratch.Create(sourceFile, max(0, response.ContentLength))
	if err != nil {
		return err
	}
	body := &sourceReader{body: response.Body, silence: f.silence, began: time.Now(), stop: func() { stop(errSilent) }}
	body.timer = time.AfterFunc(f.silence, body.stop)
	defer body.timer.Stop()
	n, err := io.Copy(file, io.LimitReader(body, f.max+1))
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil && n > f.max {
		err = f.tooLarge()
	}
	return err
}

func (f fetcher) tooLarge() error {
	return reject(tooLarge, nil, "the source is larger than %d MiB", f.max>>20)
}

// unreachable returns the failure to get a response.
func unreachable(err error) error {
	var withAddress *url.Error
	if errors.As(err, &withAddress) {
		err = withAddress.Err // the address may contain a signature, which must not be logged
	}
	var known *failure
	var name *net.DNSError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &name) && name.IsNotFound:
		return reject(unreachableSource, err, "the source's host is not known")
	}
	return brokenOff(err)
}

func brokenOff(err error) error {
	return unanswered(err, "the source does not answer, or breaks off")
}

var errSilent = errors.New("source is silent or too slow")

// A sourceReader reads a source. It stops the request if the source is silent or too slow,
// and returns errors of the source as failures.
type sourceReader struct {
	body    io.Reader
	silence time.Duration
	stop    func()
	timer   *time.Timer
	began   time.Time
	bytes   int64
}

func (r *sourceReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.bytes += int64(n)
	measured := time.Since(r.began) - r.silence
	if measured > 0 && r.bytes < int64(measured.Seconds()*minRate) {
		r.stop()
	} else if n > 0 {
		r.timer.Reset(r.silence)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenOff(err)
	}
	return n, err
}
