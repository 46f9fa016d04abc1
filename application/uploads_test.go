package application

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"videotutorials/application/call"
	"videotutorials/application/video"
	"videotutorials/internal/media"
	"videotutorials/internal/test/running"
)

// A creatorAPI is an api with a user's session and the folder of videos.
type creatorAPI struct {
	*api
	media   *media.Folder
	path    string
	user    string
	session []string
}

func startCreator(t testing.TB, c Config) *creatorAPI {
	t.Helper()
	p := &creatorAPI{path: t.TempDir(), user: uuid.NewString()}
	var err error
	if p.media, err = media.Open(p.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.media.Close() })
	c.Media = p.media
	p.api = start(t, c)
	p.session = p.api.session(t, p.user)
	return p
}

// smallUploads are limits that a test can reach.
func smallUploads() video.Limits {
	limits := video.NewLimits(1 << 20)
	limits.UserConcurrent, limits.Concurrent = 2, 3
	return limits
}

// upload uploads a video, with headers after those of the session and the type.
func (p *creatorAPI) upload(t testing.TB, body string, headers ...string) answered {
	t.Helper()
	return p.call(t, "POST", "/v1/me/uploads", body, slices.Concat(p.session, []string{"Content-Type", "video/mp4"}, headers)...)
}

// uploaded uploads a video and returns its sourceUri.
func (p *creatorAPI) uploaded(t testing.TB, body string, headers ...string) string {
	t.Helper()
	got := p.upload(t, body, headers...)
	if got.status != http.StatusCreated || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer is %d %s", got.status, got.body)
	}
	return decode[struct{ SourceURI string }](t, got.body).SourceURI
}

// files returns all files in the folder of videos.
func (p *creatorAPI) files(t testing.TB) (names []string) {
	t.Helper()
	err := filepath.WalkDir(p.path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && (!entry.IsDir() || filepath.Base(filepath.Dir(name)) == "tmp") {
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return names
}

func TestUpload(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	body := strings.Repeat("0123456789", 300_000) // larger than other bodies may be
	uri := p.uploaded(t, body)
	id, ok := media.ParseUploadURI(uri)
	if !ok {
		t.Fatalf("sourceUri is %q", uri)
	}
	file, err := p.media.OpenUpload(uuid.MustParse(p.user), id)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	if text, err := io.ReadAll(file); string(text) != body || err != nil {
		t.Errorf("stored are %d bytes, %v", len(text), err)
	}
	if again := p.uploaded(t, body); again == uri {
		t.Error("two uploads have one id")
	}
	if got := p.call(t, "GET", "/metrics", ""); !strings.Contains(got.body, `http_server_bytes_total{direction="in",path="/v1/me/uploads"} 6e+06`) {
		t.Errorf("metrics are %s", got.body)
	}
	p.stop()
	for _, want := range []string{`"method":"POST /v1/me/uploads"`, `"userId":"` + p.user + `"`, `"bytesIn":3000000`, `"status":201`, `"traceId":"`} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, p.log)
		}
	}
}

func TestUpload_BadInput(t *testing.T) {
	t.Parallel()
	limits := smallUploads()
	p := startCreator(t, Config{uploads: limits})
	for name, c := range map[string]struct {
		headers []string
		path    string
		body    string
		status  int
		fields  []string
		text    string
	}{
		"NoType":      {nil, "", "x", 400, []string{"Content-Type"}, "video/* is allowed"},
		"Text":        {[]string{"Content-Type", "text/plain"}, "", "x", 400, []string{"Content-Type"}, `\"text/plain\"`},
		"NoSubtype":   {[]string{"Content-Type", "video/"}, "", "x", 400, []string{"Content-Type"}, "is not a type"},
		"Form":        {[]string{"Content-Type", "multipart/form-data; boundary=x"}, "", "x", 400, []string{"Content-Type"}, "is not a type"},
		"TwoTypes":    {[]string{"Content-Type", "video/mp4", "Content-Type", "video/webm"}, "", "x", 400, []string{"Content-Type"}, "is not a type"},
		"Empty":       {[]string{"Content-Type", "video/mp4"}, "", "", 400, []string{"body"}, "is empty"},
		"Both":        {[]string{"Content-Type", "x"}, "", "", 400, []string{"Content-Type", "body"}, ""},
		"Key":         {[]string{"Content-Type", "video/mp4", "Idempotency-Key", "1"}, "", "x", 400, []string{"Idempotency-Key"}, ""},
		"Query":       {[]string{"Content-Type", "video/mp4"}, "?owner=1", "x", 400, []string{"query"}, ""},
		"TooLarge":    {[]string{"Content-Type", "video/mp4"}, "", strings.Repeat("x", 1<<20+1), 413, []string{"body"}, "is larger than 1048576 bytes"},
		"Traversal":   {[]string{"Content-Type", "video/mp4"}, "/../../x", "x", 404, nil, "no such path"},
		"Below":       {[]string{"Content-Type", "video/mp4"}, "/" + aVideo, "x", 404, nil, "no such path"},
		"CrossOrigin": {[]string{"Content-Type", "video/mp4", "Cookie", "vt_session=x", "Sec-Fetch-Site", "cross-site"}, "", "x", 403, nil, "another site"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := slices.Concat(p.session, c.headers)
			if name == "CrossOrigin" {
				headers = c.headers
			}
			got := p.call(t, "POST", "/v1/me/uploads"+c.path, c.body, headers...)
			if got.status != c.status || !slices.Equal(got.violations(t), c.fields) || !strings.Contains(got.body, c.text) {
				t.Errorf("answer is %d %s", got.status, got.body)
			}
		})
	}
	if got := p.call(t, "GET", "/v1/me/uploads", "", p.session...); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %s", got.status, got.body)
	}
	if left := p.files(t); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// A repeat has the first answer; a file of another size is rejected.
func TestUpload_IdempotencyKey(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	key := []string{"Idempotency-Key", aKey}
	uris := make([]string, 6)
	var all sync.WaitGroup
	for i := range uris[:3] {
		all.Go(func() { uris[i] = p.uploaded(t, "one and the same", key...) })
	}
	all.Wait()
	for i := range uris[3:] {
		uris[3+i] = p.uploaded(t, "one and the same", "Idempotency-Key", strings.ToUpper(aKey))
	}
	if got := p.upload(t, "another", key...); got.status != http.StatusConflict || !strings.Contains(got.body, "IDEMPOTENCY_KEY_REUSED") {
		t.Errorf("another file is %d %s", got.status, got.body)
	}
	if slices.Sort(uris); uris[0] != uris[5] || len(p.files(t)) != 1 {
		t.Errorf("uploads are %q, files %q", uris, p.files(t))
	}
	key0, path := uuid.MustParse(aKey), func() string { return "/v1/me/uploads" }
	expected := call.Request{Key: &key0, Path: path, Session: &call.Session{User: uuid.MustParse(p.user)}}
	if want := media.UploadURI(uuid.MustParse(expected.ID(call.PurposeUpload))); uris[0] != want {
		t.Errorf("it is %s, want %s", uris[0], want)
	}
	// The same key of another user is another upload.
	p.session = p.api.session(t, uuid.NewString())
	if got := p.uploaded(t, "x", key...); got == uris[0] {
		t.Errorf("another user has %s too", got)
	}
}

// raw opens a connection and sends the header of an upload.
func (p *creatorAPI) raw(t *testing.T, length string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /v1/me/uploads HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Type: video/mp4\r\n%s\r\n\r\n", p.session[0], p.session[1], length)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func readAnswer(t *testing.T, conn net.Conn) answered {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{response.StatusCode, response.Header, string(text)}
}

func TestUpload_Broken(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	for name, length := range map[string]string{"Length": "Content-Length: 1000", "Chunked": "Transfer-Encoding: chunked"} {
		t.Run(name, func(t *testing.T) {
			conn := p.raw(t, length)
			if name == "Chunked" {
				_, _ = io.WriteString(conn, "4\r\n")
			}
			_, _ = io.WriteString(conn, "some")
			running.Until(t, "the upload has begun", func() bool { return len(p.files(t)) > 0 })
			_ = conn.Close()
			running.Until(t, "no file is left", func() bool { return len(p.files(t)) == 0 })
		})
	}
	// A client that ends too early and reads gets an error.
	conn := p.raw(t, "Content-Length: 1000")
	_, _ = io.WriteString(conn, "some")
	_ = conn.(*net.TCPConn).CloseWrite()
	if got := readAnswer(t, conn); got.status != 400 || !strings.Contains(got.body, "ends too early") {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
}

// A stopping application waits for running uploads.
func TestUpload_Drain(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	conn := p.raw(t, "Content-Length: 2")
	_, _ = io.WriteString(conn, "x")
	running.Until(t, "the upload has begun", func() bool { return len(p.files(t)) > 0 })
	ended := make(chan struct{})
	go func() { defer close(ended); p.stop() }()
	<-p.app.stopping
	_, _ = io.WriteString(conn, "y")
	readAnswer(t, conn).check(t, 201)
	<-ended
}
