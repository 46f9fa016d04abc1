package application

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// Each request is answered with a success or a google.rpc.Status, and a trace id.
func FuzzREST(f *testing.F) {
	a := start(f, Config{})
	admin := a.session(f, addUser(f, a.viewURL, "admin@example.com", true))[1]
	viewings := "/v1/videos/" + aVideo + "/viewings"
	for _, s := range []struct{ method, path, query, key, body, credential string }{
		{"GET", "/v1/home", "pageSize=5", "", "", ""},
		{"GET", "/v1/home", "page_size=5&pageSize=5&a[b]=c&.=1&pageToken.x=1", "", "{", ""},
		{"GET", "/v1/home", "pageSize=99999999999999999999&%=%;&", "", "", ""},
		{"POST", viewings, "", aKey, "{}", ""},
		{"POST", viewings, "videoId=x", "\x00", `{"a": [{"b": 1e999}], "videoId": null}`, ""},
		{"POST", viewings, "", "\xff", "\xff", ""},
		{"POST", viewings, "", "ü\r\nX-Trace-Id: 1", `{"\ud800": 1, "": 2}`, ""},
		{"POST", "/v1/videos/\xff/viewings", "", "", "[[[[[", ""},
		{"POST", "/v1/videos//viewings", "", "", "", ""},
		{"POST", "/v1/videos/{video_id=*}/viewings:x", "", "", "", ""},
		{"post", viewings, "", "", "", ""},
		{"", "", "", "", "", ""},
		{"GET", "/../..//%2e%2e", "", "", "", ""},
		{"POST", "/v1/users", "", aKey, `{"email": "ann@example.com", "password": "12345678", "userId": "` + aUser + `"}`, ""},
		{"POST", "/v1/users", "", "", `{"email": "ann@example.com\u0000", "password": "\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"}`, "Bearer x"},
		{"POST", "/v1/sessions", "", "", `{"email": "admin@example.com", "password": "wrong horse"}`, ""},
		{"POST", "/v1/sessions", "", "", `{"email": "\u0000", "password": "\ud83d\ude00"}`, ""},
		{"GET", "/v1/registrations/" + aUser, "", "", "", ""},
		{"GET", "/v1/users/" + aUser + ":confirm", "token=a.b", "", "", ""},
		{"GET", "/v1/users/:confirm:confirm", "token=%ff", "", "", ""},
		{"DELETE", "/v1/sessions/current", "", "", "{}", admin},
		{"DELETE", "/v1/sessions/current", "", "", "", "bearer \xff\r\n"},
		{"GET", "/v1/admin/messages", "type=%00&stream=a&category=%F0%9F%98%80&userId=1&pageToken=eyJ9", "", "", admin},
		{"GET", "/v1/admin/messages", "pageToken=MTAw&pageSize=3&traceId=" + aUser, "", "", admin},
		{"GET", "/v1/admin/users", "pageToken=eyJFbWFpbCI6IlwwIn0", "", "", admin},
		{"GET", "/v1/admin/subscriber-positions", "pageToken=eyJJRCI6ImEifQ", "", "", admin},
		{"GET", "/v1/admin/users/" + aUser, "", "", "", admin},
		{"POST", "/v1/me/uploads", "", aKey, "a video", admin},
		{"POST", "/v1/me/uploads", "a=b", "\x00", "", admin},
		{"PUT", "/v1/me/uploads/", "", "", "x", admin},
		{"GET", "/media/" + aVideo, "", "", "", ""},
		{"HEAD", "/media/../uploads/" + aVideo + "/poster", "", "", "", ""},
		{"GET", "/media/{video_id}/poster", "", "", "", "Bearer x"},
		{"POST", "/v1/me/videos", "", aKey, `{"sourceUri": "http://[::ffff:7f00:1%25x]:99999/", "videoId": "` + aVideo + `"}`, admin},
		{"POST", "/v1/me/videos", "", "", `{"sourceUri": "upload:../../etc/passwd"}`, admin},
		{"POST", "/v1/me/videos/" + aVideo + ":name", "", "", `{"name": "\u0000"}`, admin},
		{"POST", "/v1/me/videos/x:describe", "", "", `{"description": "\ud83d"}`, admin},
		{"GET", "/v1/me/videos", "pageToken=eyJ9&pageSize=2", "", "", admin},
		{"GET", "/v1/me/operations/" + aUser, "wait=1ns", "", "", admin},
		{"GET", "/v1/me/operations/" + aUser, "wait=-1e9h", "", "", admin},
		{"\x00", "/readyz\x00", "", "", "", ""},
	} {
		f.Add(s.method, s.path, s.query, s.key, s.body, s.credential)
	}
	f.Fuzz(func(t *testing.T, method, path, query, key, body, credential string) {
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: "x", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Idempotency-Key": {key}}, Body: io.NopCloser(bytes.NewReader([]byte(body))),
			RemoteAddr: "192.0.2.1:5",
		}
		r.Header.Set("Content-Type", "video/mp4")
		if credential != "" {
			r.Header.Set("Authorization", credential)
		}
		if strings.Contains(query, "wait") && query != "wait=1ns" && query != "wait=-1e9h" && strings.HasPrefix(path, "/v1/me/operations/") {
			return // it may wait up to 30 s
		}
		w := httptest.NewRecorder()
		a.app.http.Handler.ServeHTTP(w, r.WithContext(t.Context()))
		if uuid.Validate(w.Header().Get("X-Trace-Id")) != nil {
			t.Errorf("%d with X-Trace-Id %q", w.Code, w.Header().Get("X-Trace-Id"))
		}
		switch w.Code {
		case 200, 201, 202, 204:
		case 400, 401, 403, 404, 405, 409, 413, 416, 429:
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
