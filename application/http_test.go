package application

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"videotutorials/application/rest"
)

func TestREST_BadInput(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	viewings := "/v1/videos/" + aVideo + "/viewings"
	var many, firstTwenty []string
	for i := range 10000 {
		many = append(many, fmt.Sprintf(`"f%05d`, i))
	}
	for i := range 20 {
		firstTwenty = append(firstTwenty, fmt.Sprintf("f%05d", i))
	}
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		fields             []string
		want               string
	}{
		"NoUUID":         {"POST", "/v1/videos/nonsense/viewings", "", nil, 400, []string{"videoId"}, `\"nonsense\" is not a UUID`},
		"UUIDNoDashes":   {"POST", "/v1/videos/" + strings.ReplaceAll(aVideo, "-", "") + "/viewings", "", nil, 400, []string{"videoId"}, "is not a UUID"},
		"UUIDBraces":     {"POST", "/v1/videos/%7B" + aVideo + "%7D/viewings", "", nil, 400, []string{"videoId"}, "is not a UUID"},
		"UUIDLong":       {"POST", "/v1/videos/" + strings.Repeat("a", 10000) + "/viewings", "", nil, 400, []string{"videoId"}, "is not a UUID"},
		"NotUTF8":        {"POST", "/v1/videos/%ff/viewings", "", nil, 400, []string{"videoId"}, "not UTF-8"},
		"NUL":            {"POST", "/v1/videos/%00/viewings", "", nil, 400, []string{"videoId"}, "is not a UUID"},
		"Slash":          {"POST", "/v1/videos/a%2Fb/viewings", "", nil, 404, nil, "no such path"},
		"Key":            {"POST", viewings, "", []string{"Idempotency-Key", "1"}, 400, []string{"Idempotency-Key"}, `\"1\" is not a UUID`},
		"KeyEmpty":       {"POST", viewings, "", []string{"Idempotency-Key", ""}, 400, []string{"Idempotency-Key"}, "is not a UUID"},
		"KeyNotASCII":    {"POST", viewings, "", []string{"Idempotency-Key", "ü" + aKey}, 400, []string{"Idempotency-Key"}, "is not a UUID"},
		"KeyLong":        {"POST", viewings, "", []string{"Idempotency-Key", strings.Repeat("ü", 10000)}, 400, []string{"Idempotency-Key"}, "is not a UUID"},
		"KeyTwice":       {"POST", viewings, "", []string{"Idempotency-Key", aKey, "Idempotency-Key", uuid.NewString()}, 400, []string{"Idempotency-Key"}, "more than once"},
		"KeyAndUUID":     {"POST", "/v1/videos/nonsense/viewings", "", []string{"Idempotency-Key", aKey}, 400, []string{"videoId"}, ""},
		"UnknownField":   {"POST", viewings, `{"userId": "x", "colour": 1}`, nil, 400, []string{"colour", "userId"}, "no such field"},
		"UnknownFields":  {"POST", viewings, `{` + strings.Join(many, `":1,`) + `":1}`, nil, 400, firstTwenty, "no such field"},
		"FieldOfPath":    {"POST", viewings, `{"videoId": "` + aVideo + `"}`, nil, 400, []string{"videoId"}, "no such field"},
		"NoJSON":         {"POST", viewings, `{"`, nil, 400, []string{"body"}, "not a JSON object"},
		"JSONArray":      {"POST", viewings, `[]`, nil, 400, []string{"body"}, "not a JSON object"},
		"JSONNull":       {"POST", viewings, `null`, nil, 400, []string{"body"}, "not a JSON object"},
		"JSONAndMore":    {"POST", viewings, `{} {}`, nil, 400, []string{"body"}, "not a JSON object"},
		"Form":           {"POST", viewings, `a=b`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, []string{"body"}, "not a JSON object"},
		"Deep":           {"POST", viewings, strings.Repeat(`{"a":`, 200000), nil, 400, []string{"body"}, "not a JSON object"},
		"Huge":           {"POST", viewings, `{"a": "` + strings.Repeat("x", rest.MaxBody) + `"}`, nil, 413, []string{"body"}, "larger than 1 MiB"},
		"QueryOfPost":    {"POST", viewings + "?userId=1", "", nil, 400, []string{"userId"}, "no such parameter"},
		"UnknownQuery":   {"GET", "/v1/home?pagesize=1&b=2", "", nil, 400, []string{"b", "pagesize"}, "no such parameter"},
		"PageSize":       {"GET", "/v1/home?pageSize=1001", "", nil, 400, []string{"pageSize"}, "0 to 1000"},
		"PageSizeMinus":  {"GET", "/v1/home?page_size=-1", "", nil, 400, []string{"pageSize"}, "is -1"},
		"PageSizeText":   {"GET", "/v1/home?pageSize=many", "", nil, 400, []string{"pageSize"}, `\"many\" is not of type int32`},
		"PageSizeTwice":  {"GET", "/v1/home?pageSize=1&pageSize=2", "", nil, 400, []string{"pageSize"}, "more than once"},
		"PageToken":      {"GET", "/v1/home?pageToken=abc", "", nil, 400, []string{"pageToken"}, `\"abc\"`},
		"PageTokenBytes": {"GET", "/v1/home?pageToken=%ff", "", nil, 400, []string{"pageToken"}, "is not of type"},
		"QueryEscape":    {"GET", "/v1/home?pageToken=%zz", "", nil, 400, []string{"query"}, "malformed"},
		"WrongMethod":    {"GET", viewings, "", nil, 405, nil, "only POST"},
		"PostHome":       {"POST", "/v1/home", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 405, nil, "only GET, HEAD"},
		"Override":       {"POST", "/v1/home", "", []string{"X-HTTP-Method-Override", "GET"}, 405, nil, "only GET"},
		"UnknownMethod":  {"BREW", "/v1/home", "", nil, 405, nil, "only GET, HEAD"},
		"UnknownPath":    {"GET", "/v2/home", "", nil, 404, nil, "no such path"},
		"Root":           {"GET", "/", "", nil, 404, nil, "no such path"},
		"Unclean":        {"GET", "//v1/../v1/home", "", nil, 404, nil, "no such path"},
		"PostHealth":     {"POST", "/healthz", "", nil, 405, nil, "only GET, HEAD"},
		"PostOpenAPI":    {"DELETE", "/openapi.json", "", nil, 405, nil, "only GET, HEAD"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.call(t, c.method, c.path, c.body, c.headers...)
			if got.status != c.status || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("answer is %d %s %s, want %d", got.status, got.header.Get("Content-Type"), got.body, c.status)
			}
			if fields := got.violations(t); !slices.Equal(fields, c.fields) {
				t.Errorf("fields are %q, want %q", fields, c.fields)
			}
			if !strings.Contains(got.body, c.want) {
				t.Errorf("%s lacks %s", got.body, c.want)
			}
			if len(got.body) > 4000 {
				t.Errorf("%d bytes are sent back", len(got.body))
			}
			if (got.status == 405) != (got.header.Get("Allow") != "") {
				t.Errorf("Allow is %q", got.header.Get("Allow"))
			}
		})
	}
	if all := stored(t, a.store); len(all) > 0 {
		t.Errorf("bad input was stored: %v", all)
	}
}

// HEAD has the answer of GET without the body.
func TestREST_Head(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	for _, path := range []string{"/v1/home", "/v1/home?pageSize=x", "/v1/me/videos", "/v1/nowhere", "/v1/videos/" + aVideo + "/viewings", "/healthz", "/openapi.json"} {
		get, head := a.call(t, "GET", path, ""), a.call(t, "HEAD", path, "")
		for _, header := range []string{"Content-Type", "Content-Length", "Allow", "WWW-Authenticate"} {
			if want, got := get.header.Get(header), head.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, of GET it is %q", path, header, got, want)
			}
		}
		if head.status != get.status || head.body != "" || get.body == "" {
			t.Errorf("%s: HEAD is %d %q, GET is %d", path, head.status, head.body, get.status)
		}
	}
}

// Requests that an HTTP client does not send: the path *, large headers, a cut body.
func TestREST_Raw(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	for name, c := range map[string]struct {
		request string
		status  int
		traced  bool
	}{
		"Asterisk": {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, true},
		"Headers":  {"GET /v1/home HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431, false},
		"CutShort": {"POST /v1/videos/" + aVideo + "/viewings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}x", 400, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://")) //nolint:noctx // the machine itself
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // it is over
			// A rejecting server may close the connection before all is sent.
			_, _ = fmt.Fprint(conn, c.request)
			_ = conn.(*net.TCPConn).CloseWrite()
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // not read
			if response.StatusCode != c.status || (response.Header.Get("X-Trace-Id") != "") != c.traced {
				t.Errorf("answer is %s, X-Trace-Id %q", response.Status, response.Header.Get("X-Trace-Id"))
			}
		})
	}
}
