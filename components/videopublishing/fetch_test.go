package videopublishing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"videotutorials/internal/media"
)

// site serves all kinds of sources.
func site(t *testing.T) (address string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/video", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("video")) })
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		w.WriteHeader(code)
	})
	mux.HandleFunc("/redirects/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		if n == 0 {
			_, _ = w.Write([]byte("video"))
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/redirects/%d", n-1), http.StatusFound)
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusFound)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1001)) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 100))
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("video"))
	})
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("video"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/trickle", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("v"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond) // the slowness under test
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestFetch(t *testing.T) {
	t.Parallel()
	here, p := site(t), publisher(t)
	var gone net.ListenConfig
	listener, err := gone.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()
	for name, test := range map[string]struct {
		source   string
		code     string
		attempts int32
	}{
		"Fetched":          {here + "/video", "", 0},
		"FiveRedirects":    {here + "/redirects/5", "", 0},
		"SixRedirects":     {here + "/redirects/6", unreachableSource, 1},
		"RedirectToFile":   {here + "/to?url=" + url.QueryEscape("file:///etc/passwd"), unreachableSource, 1},
		"RedirectNowhere":  {here + "/status/302", unreachableSource, 1},
		"NotFound":         {here + "/status/404", unreachableSource, 1},
		"Forbidden":        {here + "/status/403", unreachableSource, 1},
		"NoContent":        {here + "/status/204", unreachableSource, 1},
		"Failing":          {here + "/status/503", unreachableSource, sourceAttempts},
		"Large":            {here + "/large", tooLarge, 1},
		"Endless":          {here + "/endless", tooLarge, 1},
		"BreaksOff":        {here + "/short", unreachableSource, sourceAttempts},
		"FallsSilent":      {here + "/silent", unreachableSource, sourceAttempts},
		"Trickles":         {here + "/trickle", unreachableSource, sourceAttempts},
		"Closed":           {closed + "/?signature=secret", unreachableSource, sourceAttempts},
		"UnknownHost":      {"http://nowhere.invalid/", unreachableSource, 1},
		"File":             {"file:///etc/passwd", unreachableSource, 1},
		"Path":             {"/etc/passwd", unreachableSource, 1},
		"NoHost":           {"http:///video", unreachableSource, 1},
		"NoURL":            {"http://%zz", unreachableSource, 1},
		"InvalidUpload":    {"upload:undefined", unreachableSource, 1},
		"ProtocolOfFFmpeg": {"concat:/etc/passwd|/etc/hosts", unreachableSource, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFetcher(true, 1000)
			f.silence = 100 * time.Millisecond
			path, err := f.fetch(t.Context(), test.source, scratch(t, p))
			expect(t, err, test.code, test.attempts)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%v contains the address", err)
			}
			if text, err := os.ReadFile(path); test.code == "" && string(text) != "video" {
				t.Errorf("fetched %q, %v", text, err)
			}
		})
	}
}

// expect checks the code of a failure and its attempts, with "" for no error.
func expect(t *testing.T, err error, code string, attempts int32) {
	t.Helper()
	var got *failure
	switch {
	case code == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case code != "" && (!errors.As(err, &got) || got.code != code || got.attempts != attempts):
		t.Errorf("error %v, want %s after %d attempts", err, code, attempts)
	}
}

// Private addresses are not reached, neither by address, nor by name, nor by a redirect from
// a public address.
func TestFetch_Private(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 100)
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached <- r.URL.Path
		_, _ = w.Write([]byte("secret"))
	}))
	defer inside.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(inside.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFetcher(false, 1000)
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0.0.0.0", "10.0.0.1", "169.254.169.254"} {
		_, err := f.fetch(t.Context(), "http://"+host+":"+port+"/", scratch(t, publisher(t)))
		expect(t, err, unreachableSource, 1)
		if host != "127.1" && !errors.Is(err, errPrivate) { // some resolvers do not know 127.1
			t.Errorf("%s: error %v, want errPrivate", host, err)
		}
	}
	// The first connection stands for one to a public address.
	outside := site(t)
	guarded := dialer(false)
	first := true
	f.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) { //nolint:forcetypeassert // newFetcher's
		if first {
			first = false
			return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(outside, "http://"))
		}
		return guarded.DialContext(ctx, network, address)
	}
	_, err = f.fetch(t.Context(), "http://public.example/to?url="+url.QueryEscape(inside.URL), scratch(t, publisher(t)))
	expect(t, err, unreachableSource, 1)
	if !errors.Is(err, errPrivate) || first {
		t.Errorf("after a redirect: error %v, want errPrivate", err)
	}
	if len(reached) > 0 {
		t.Errorf("reached %q", <-reached)
	}
}

// Errors of the disk, and the end of the context, are not failures of the source.
func TestFetch_Disk(t *testing.T) {
	t.Parallel()
	here, p := site(t), publisher(t)
	f := newFetcher(true, 1000)
	var known *failure
	removed := scratch(t, p)
	if err := removed.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.fetch(t.Context(), here+"/video", removed); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &known) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.fetch(ctx, here+"/video", scratch(t, p)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	// The size of the first source is known before it is read.
	for path, enough := range map[string]int{"/video": 0, "/endless": 1} {
		checks := 0
		p.Media.Space = func() (int64, int64, error) {
			if checks++; checks > enough {
				return 1 << 30, 1 << 40, nil
			}
			return 2 << 30, 1 << 40, nil
		}
		s := scratch(t, p)
		if _, err := f.fetch(t.Context(), here+path, s); !errors.Is(err, media.ErrNoSpace) || errors.As(err, &known) {
			t.Errorf("%s: error %v, want media.ErrNoSpace", path, err)
		}
		if _, err := os.Stat(s.Path(sourceFile)); (err == nil) != (enough > 0) {
			t.Errorf("%s: file %v", path, err)
		}
	}
}

// scratch returns a new scratch folder.
func scratch(t *testing.T, p Publisher) *media.Scratch {
	t.Helper()
	s, err := p.Media.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
