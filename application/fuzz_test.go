package application

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/teststore"
)

// FuzzREST sends anything: it is answered with a success or with what is wrong
// with it, and with a trace id.
func FuzzREST(f *testing.F) {
	pool, _ := viewData(f)
	a := start(f, Config{Store: teststore.New(f), ViewData: pool})
	viewings := "/v1/videos/" + aVideo + "/viewings"
	for _, s := range []struct{ method, path, query, key, body string }{
		{"GET", "/v1/home", "pageSize=5", "", ""},
		{"GET", "/v1/home", "page_size=5&pageSize=5&a[b]=c&.=1&pageToken.x=1", "", "{"},
		{"GET", "/v1/home", "pageSize=99999999999999999999&%=%;&", "", ""},
		{"POST", viewings, "", aKey, "{}"},
		{"POST", viewings, "videoId=x", "\x00", `{"a": [{"b": 1e999}], "videoId": null}`},
		{"POST", viewings, "", "\xff", "\xff"},
		{"POST", viewings, "", "ü\r\nX-Trace-Id: 1", `{"\ud800": 1, "": 2}`},
		{"POST", "/v1/videos/\xff/viewings", "", "", "[[[[["},
		{"POST", "/v1/videos//viewings", "", "", ""},
		{"POST", "/v1/videos/{video_id=*}/viewings:x", "", "", ""},
		{"post", viewings, "", "", ""},
		{"", "", "", "", ""},
		{"GET", "/../..//%2e%2e", "", "", ""},
		{"\x00", "/readyz\x00", "", "", ""},
	} {
		f.Add(s.method, s.path, s.query, s.key, s.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, key, body string) {
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: "x", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Idempotency-Key": {key}}, Body: io.NopCloser(bytes.NewReader([]byte(body))),
		}
		w := httptest.NewRecorder()
		a.app.http.Handler.ServeHTTP(w, r.WithContext(t.Context()))
		if uuid.Validate(w.Header().Get("X-Trace-Id")) != nil {
			t.Errorf("%d with X-Trace-Id %q", w.Code, w.Header().Get("X-Trace-Id"))
		}
		switch w.Code {
		case 200, 202:
		case 400, 404, 405, 413:
			var s struct {
				Code    int
				Message string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || s.Code == 0 || s.Message == "" {
				t.Errorf("%d %q is no google.rpc.Status: %v", w.Code, w.Body, err)
			}
		default:
			t.Errorf("answer is %d %s", w.Code, w.Body)
		}
	})
}
