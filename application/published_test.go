package application

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// publish adds a video to View Data and to the folder, as the aggregator and the
// component do.
func (p *creatorAPI) publish(t testing.TB, id, contentType, body, poster string) {
	t.Helper()
	scratch, err := p.media.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer scratch.Remove() //nolint:errcheck // of a test
	for name, text := range map[string]string{"video": body, "poster": poster} {
		if err := os.WriteFile(scratch.Path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.media.Publish(uuid.MustParse(id), scratch.Path("video")); err != nil {
		t.Fatal(err)
	}
	var posterURI *string
	if poster != "" {
		uri := "/media/" + id + "/poster"
		posterURI = &uri
		if err := p.media.PublishPoster(uuid.MustParse(id), scratch.Path("poster")); err != nil {
			t.Fatal(err)
		}
	}
	insert(t, p.viewURL, `insert into creators_portal_videos (id, owner_id, status, transcoded_uri, poster_uri, content_type, position, first_position)
		values ($1, $2, 'published', $3, $4, nullif($5, ''), 0, 1)`, id, p.user, "/media/"+id, posterURI, contentType)
}

func TestMedia(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	body := strings.Repeat("0123456789", 100_000)
	p.publish(t, aVideo, "video/webm", body, "a poster")
	path := "/media/" + aVideo

	got := p.call(t, "GET", "/media/"+strings.ToUpper(aVideo), "")
	etag, modified := got.header.Get("ETag"), got.header.Get("Last-Modified")
	if got.status != 200 || got.body != body || etag == "" || modified == "" {
		t.Errorf("answer is %d, %d bytes, %v", got.status, len(got.body), got.header)
	}
	for header, want := range map[string]string{
		"Content-Type": "video/webm", "Accept-Ranges": "bytes", "Content-Length": "1000000", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "sandbox", "Cache-Control": "public, max-age=3600", "Set-Cookie": "",
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s is %q", header, got.header.Get(header))
		}
	}
	for name, c := range map[string]struct {
		method  string
		headers []string
		status  int
		body    string
		ranges  string
	}{
		"Head":              {"HEAD", nil, 200, "", ""},
		"First":             {"GET", []string{"Range", "bytes=0-9"}, 206, body[:10], "bytes 0-9/1000000"},
		"Middle":            {"GET", []string{"Range", "bytes=300005-800004"}, 206, body[300005:800005], "bytes 300005-800004/1000000"},
		"Rest":              {"GET", []string{"Range", "bytes=999998-"}, 206, "89", "bytes 999998-999999/1000000"},
		"Last":              {"GET", []string{"Range", "bytes=-3"}, 206, "789", "bytes 999997-999999/1000000"},
		"BeyondEnd":         {"GET", []string{"Range", "bytes=999999-2000000"}, 206, "9", "bytes 999999-999999/1000000"},
		"HeadRange":         {"HEAD", []string{"Range", "bytes=0-9"}, 206, "", "bytes 0-9/1000000"},
		"IfRange":           {"GET", []string{"Range", "bytes=0-9", "If-Range", etag}, 206, body[:10], "bytes 0-9/1000000"},
		"IfRangeOther":      {"GET", []string{"Range", "bytes=0-9", "If-Range", `"other"`}, 200, body, ""},
		"IfNoneMatch":       {"GET", []string{"If-None-Match", etag}, 304, "", ""},
		"NotModified":       {"GET", []string{"If-Modified-Since", modified}, 304, "", ""},
		"IfMatch":           {"GET", []string{"If-Match", `"other"`}, 412, "google", ""},
		"Beyond":            {"GET", []string{"Range", "bytes=1000000-"}, 416, "google", "bytes */1000000"},
		"BadRange":          {"GET", []string{"Range", "bytes=9-1"}, 416, "google", ""},
		"NoRange":           {"GET", []string{"Range", "lines=1-2"}, 416, "google", ""},
		"SessionThatIsNone": {"GET", []string{"Authorization", "Bearer x", "Range", "bytes=0-0"}, 206, "0", "bytes 0-0/1000000"},
		"OtherSite":         {"GET", []string{"Cookie", "vt_session=x", "Sec-Fetch-Site", "cross-site", "Range", "bytes=0-0"}, 206, "0", "bytes 0-0/1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.call(t, c.method, path, "", c.headers...)
			if got.status != c.status || got.header.Get("Content-Range") != c.ranges {
				t.Errorf("answer is %d, Content-Range %q", got.status, got.header.Get("Content-Range"))
			}
			if c.body == "google" {
				got.violations(t) // fails unless it is a google.rpc.Status
				if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "" {
					t.Errorf("headers are %v", got.header)
				}
			} else if got.body != c.body {
				t.Errorf("%d bytes, want %d", len(got.body), len(c.body))
			}
		})
	}
	several := p.call(t, "GET", path, "", "Range", "bytes=0-1,10-12")
	if several.status != 206 || !strings.HasPrefix(several.header.Get("Content-Type"), "multipart/byteranges") || strings.Count(several.body, "Content-Range: ") != 2 {
		t.Errorf("several ranges: %d %v %q", several.status, several.header, several.body)
	}
	poster := p.call(t, "GET", path+"/poster", "")
	if poster.status != 200 || poster.body != "a poster" || poster.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("poster: %d %s %v", poster.status, poster.body, poster.header)
	}
}

// D16: unknown videos and unknown paths are 404.
func TestMedia_D16(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	posterless, missing, publishing, foreign := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	p.publish(t, posterless, "text/html", "<script>", "")
	insert(t, p.viewURL, `insert into creators_portal_videos (id, owner_id, status, transcoded_uri, position, first_position)
		values ($1, $4, 'published', '/media/x', 0, 2), ($2, $4, 'publishing', null, 0, 3), ($3, $4, 'published', 'https://example.com/x.mp4', 0, 4)`,
		missing, publishing, foreign, p.user)
	for path, want := range map[string]int{
		"/media/" + posterless:                  200,
		"/media/" + posterless + "/poster":      404,
		"/media/" + missing:                     404,
		"/media/" + missing + "/poster":         404,
		"/media/" + publishing:                  404,
		"/media/" + foreign:                     404,
		"/media/" + uuid.NewString():            404,
		"/media/nonsense":                       400,
		"/media/" + posterless + ".jpg":         400,
		"/media/":                               404,
		"/media":                                404,
		"/media/" + posterless + "/":            404,
		"/media/" + posterless + "/poster/":     404,
		"/media/" + posterless + "/x":           404,
		"/media/../uploads/" + posterless:       404,
		"/media/%2e%2e/secret":                  404,
		"/media/..%2f..%2fsecret":               404,
		"/media/%2e%2e":                         400,
		"/media/%00":                            400,
		"/media/" + strings.Repeat("a", 10_000): 400,
		"//media/" + posterless:                 404,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := p.call(t, method, path, "")
			if got.status != want {
				t.Errorf("%s %.80s: %d %s", method, path, got.status, got.body)
			}
			if method == "GET" && want != 200 {
				got.violations(t) // fails unless it is a google.rpc.Status
			}
		}
	}
	// A browser runs nothing that is not a video.
	if got := p.call(t, "GET", "/media/"+posterless, ""); got.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("its type is %q", got.header.Get("Content-Type"))
	}
	if got := p.call(t, "POST", "/media/"+posterless, ""); got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %s", got.status, got.body)
	}
	if !strings.Contains(p.log.String(), "a published file is missing") {
		t.Error("the log has no line about the missing file")
	}
	execute(t, p.viewURL, "drop table creators_portal_videos")
	if got := p.call(t, "GET", "/media/"+posterless, ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("without View Data: %d %s", got.status, got.body)
	}
}
