package application

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/media"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// command posts a command of the user.
func (p *creatorAPI) command(t testing.TB, path string, body map[string]any, headers ...string) answered {
	t.Helper()
	return p.call(t, "POST", "/v1/me/videos"+path, jsonOf(t, body), slices.Concat(p.session, headers)...)
}

// receiptOf returns the receipt of a command. D21: it is a 202 without a redirect.
func receiptOf(t testing.TB, got answered) (r struct{ VideoID, TraceID, Operation string }) {
	t.Helper()
	r = decode[struct{ VideoID, TraceID, Operation string }](t, got.body)
	if got.status != http.StatusAccepted || got.header.Get("Location") != "" || r.Operation != "/v1/me/operations/"+r.TraceID || r.TraceID != got.header.Get("X-Trace-Id") {
		t.Errorf("answer is %d %s, X-Trace-Id %s", got.status, got.body, got.header.Get("X-Trace-Id"))
	}
	return r
}

// last returns the last stored message, which MUST be a command to the video.
func last(t testing.TB, store messagestore.Store, video string) messagestore.Message {
	t.Helper()
	all := stored(t, store)
	m := all[len(all)-1]
	if m.Stream != messagestore.Stream("videoPublishing:command-"+video) {
		t.Errorf("the stream is %s", m.Stream)
	}
	return m
}

func TestCreators_D21(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	uri := p.uploaded(t, "a video")
	wide := strings.Repeat("🎬", 5000) // the longest that the component accepts
	for name, c := range map[string]struct {
		path string
		body map[string]any
		want string
	}{
		"Publish":  {"", map[string]any{"videoId": strings.ToUpper(aVideo), "sourceUri": uri}, `{"ownerId": "` + p.user + `", "videoId": "` + aVideo + `", "sourceUri": "` + uri + `"}`},
		"Address":  {"", map[string]any{"videoId": aVideo, "sourceUri": "https://example.com/a.mp4"}, `{"ownerId": "` + p.user + `", "videoId": "` + aVideo + `", "sourceUri": "https://example.com/a.mp4"}`},
		"Name":     {"/" + aVideo + ":name", map[string]any{"name": " a name "}, `{"name": " a name ", "videoId": "` + aVideo + `"}`},
		"NoName":   {"/" + aVideo + ":name", map[string]any{}, `{"name": "", "videoId": "` + aVideo + `"}`},
		"Describe": {"/" + aVideo + ":describe", map[string]any{"description": "ü"}, `{"videoId": "` + aVideo + `", "description": "ü"}`},
		"Longest":  {"/" + aVideo + ":describe", map[string]any{"description": wide}, `{"videoId": "` + aVideo + `", "description": "` + wide + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := receiptOf(t, p.command(t, c.path, c.body))
			m := last(t, p.store, aVideo)
			if m.Data != c.want {
				t.Errorf("data is %s, want %s", m.Data, c.want)
			}
			if want := `{"userId": "` + p.user + `", "traceId": "` + got.TraceID + `"}`; m.Metadata != want {
				t.Errorf("metadata is %s, want %s", m.Metadata, want)
			}
		})
	}
	// Without an id one is generated.
	a := receiptOf(t, p.command(t, "", map[string]any{"sourceUri": uri}))
	b := receiptOf(t, p.command(t, "", map[string]any{"sourceUri": uri}))
	if a.VideoID == b.VideoID || uuid.Validate(a.VideoID) != nil {
		t.Errorf("videos are %q and %q", a.VideoID, b.VideoID)
	}
	last(t, p.store, b.VideoID)
}

func TestCreators_BadInput(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	own := p.uploaded(t, "a video")
	others := *p
	others.user = uuid.NewString()
	others.session = p.api.session(t, others.user)
	foreign := others.uploaded(t, "another's")
	long := strings.Repeat("x", maxText+1)
	for name, c := range map[string]struct {
		path   string
		body   map[string]any
		fields []string
		text   string
	}{
		"Nothing":       {"", map[string]any{}, []string{"sourceUri"}, "is required"},
		"VideoID":       {"", map[string]any{"sourceUri": own, "videoId": "undefined"}, []string{"videoId"}, "is not a UUID"},
		"Both":          {"", map[string]any{"sourceUri": "x", "videoId": "x"}, []string{"videoId", "sourceUri"}, ""},
		"NoUpload":      {"", map[string]any{"sourceUri": media.UploadURI(uuid.New())}, []string{"sourceUri"}, "is not an upload of yours, or is too old: uploads are kept for 7 days"},
		"Foreign":       {"", map[string]any{"sourceUri": foreign}, []string{"sourceUri"}, "is not an upload of yours"},
		"Traversal":     {"", map[string]any{"sourceUri": "upload:../" + others.user + foreign[len("upload:"):]}, []string{"sourceUri"}, "is not upload:"},
		"Private":       {"", map[string]any{"sourceUri": "http://169.254.169.254/"}, []string{"sourceUri"}, "not a public address"},
		"File":          {"", map[string]any{"sourceUri": "file:///etc/passwd"}, []string{"sourceUri"}, "neither"},
		"OwnerID":       {"", map[string]any{"sourceUri": own, "ownerId": others.user}, []string{"ownerId"}, "no such field"},
		"NameVideoID":   {"/x:name", map[string]any{"name": "a"}, []string{"videoId"}, "is not a UUID"},
		"NameLong":      {"/" + aVideo + ":name", map[string]any{"name": long}, []string{"name"}, "has 40001 bytes"},
		"NameNUL":       {"/" + aVideo + ":name", map[string]any{"name": "a\x00"}, []string{"name"}, "NUL"},
		"NameNumber":    {"/" + aVideo + ":name", map[string]any{"name": 1}, []string{"name"}, "is not of type string"},
		"DescribeLong":  {"/x:describe", map[string]any{"description": long}, []string{"videoId", "description"}, ""},
		"DescribeOther": {"/" + aVideo + ":describe", map[string]any{"name": "x"}, []string{"name"}, "no such field"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.command(t, c.path, c.body)
			if got.status != 400 || !slices.Equal(got.violations(t), c.fields) || !strings.Contains(got.body, c.text) {
				t.Errorf("answer is %d %s", got.status, got.body)
			}
		})
	}
	if got := p.call(t, "POST", "/v1/me/videos", `{"sourceUri": "`+own+`"}`); got.status != 401 {
		t.Errorf("without a session: %d %s", got.status, got.body)
	}
	if got := p.command(t, "/"+aVideo+":delete", nil); got.status != 404 && got.status != 405 {
		t.Errorf("unknown command: %d %s", got.status, got.body)
	}
	if all := stored(t, p.store); len(all) > 0 {
		t.Errorf("stored: %v", all)
	}
}

func TestPublishVideo_PrivateSources(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{AllowPrivateSources: true})
	receiptOf(t, p.command(t, "", map[string]any{"sourceUri": "http://127.0.0.1:1/a.mp4"}))
}

// A repeat has the first answer, even if the upload was removed meanwhile.
func TestPublishVideo_IdempotencyKey(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	uri := p.uploaded(t, "a video")
	key := []string{"Idempotency-Key", aKey}
	body := map[string]any{"sourceUri": uri}
	first := receiptOf(t, p.command(t, "", body, key...))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if again := receiptOf(t, p.command(t, "", body, key...)); again != first {
				t.Errorf("a repeat is %v, not %v", again, first)
			}
		})
	}
	all.Wait()
	id, _ := media.ParseUploadURI(uri)
	if err := os.Remove(p.media.UploadPath(uuid.MustParse(p.user), id)); err != nil {
		t.Fatal(err)
	}
	if again := receiptOf(t, p.command(t, "", body, key...)); again != first {
		t.Errorf("without the upload a repeat is %v, not %v", again, first)
	}
	for name, other := range map[string]map[string]any{
		"Source":  {"sourceUri": "https://example.com/"},
		"Upload":  {"sourceUri": media.UploadURI(uuid.New())},
		"VideoID": {"sourceUri": "https://example.com/", "videoId": aVideo},
	} {
		if got := p.command(t, "", other, key...); got.status != 409 || !strings.Contains(got.body, "IDEMPOTENCY_KEY_REUSED") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := p.command(t, "", map[string]any{"sourceUri": uri}, "Idempotency-Key", uuid.NewString()); got.status != 400 {
		t.Errorf("with another key: %d %s", got.status, got.body)
	}
	if all := stored(t, p.store); len(all) != 1 {
		t.Errorf("%d commands are stored", len(all))
	}
	m, err := contract.Decode[*videopublishingv1.PublishVideo](stored(t, p.store)[0])
	if err != nil || m.GetVideoId() != first.VideoID {
		t.Errorf("stored is %v, %v", m, err)
	}
}

// Users see only their own videos.
func TestListVideos(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	other, failed := uuid.NewString(), uuid.NewString()
	insert(t, p.viewURL, `insert into creators_portal_videos (id, owner_id, name, description, views, source_uri, transcoded_uri, poster_uri, content_type, status, failure_code, failure_reason, position, first_position)
		values ($1, $2, 'a name', 'a text', 9007199254740993, 'upload:x', '/media/1', '/media/1/poster', 'video/mp4', 'published', null, null, 0, 1),
			($3, $2, null, null, 0, 'http://x', null, null, null, 'failed', 'NOT_A_VIDEO', 'it is a text', 0, 2),
			($4, $4, null, null, 0, null, null, null, null, 'publishing', null, null, 0, 3)`, aVideo, p.user, failed, other)
	one := `{"videoId":"` + aVideo + `","name":"aname","description":"atext","views":"9007199254740993","status":"published","sourceUri":"upload:x","transcodedUri":"/media/1","posterUri":"/media/1/poster"}`
	two := `{"videoId":"` + failed + `","name":"","description":"","views":"0","status":"failed","sourceUri":"http://x","transcodedUri":"","posterUri":"","failure":{"code":"NOT_A_VIDEO","message":"itisatext"}}`
	get := func(path string, status int, want string) {
		t.Helper()
		got := p.call(t, "GET", "/v1/me/videos"+path, "", p.session...)
		if got.status != status || status == 200 && compact(got.body) != want {
			t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
		}
	}
	get("", 200, `{"videos":[`+two+`,`+one+`],"nextPageToken":""}`)
	get("/"+strings.ToUpper(aVideo), 200, one)
	get("/"+failed, 200, two)
	get("/"+other, 404, "")
	get("/"+uuid.NewString(), 404, "")
	get("/x", 400, "")
	get("?pageSize=1001", 400, "")
	get("?pageToken=x", 400, "")
	page := decode[struct{ NextPageToken string }](t, p.call(t, "GET", "/v1/me/videos?pageSize=1", "", p.session...).body)
	get("?pageSize=1&pageToken="+page.NextPageToken, 200, `{"videos":[`+one+`],"nextPageToken":""}`)
	p.session = p.api.session(t, uuid.NewString())
	get("", 200, `{"videos":[],"nextPageToken":""}`)
	get("/"+aVideo, 404, "")
}

func TestGetHome_Videos(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	nameless := uuid.NewString()
	insert(t, p.viewURL, `insert into home_videos (video_id, name, views, owner_id, published_position)
		values ($1, 'a name', 5, $2, 1), ($3, null, 0, $2, 2), (gen_random_uuid(), 'not published', 1, null, null)`, aVideo, p.user, nameless)
	one := `{"videoId":"` + aVideo + `","name":"aname","views":"5","ownerId":"` + p.user + `"}`
	two := `{"videoId":"` + nameless + `","name":"","views":"0","ownerId":"` + p.user + `"}`
	if got := p.call(t, "GET", "/v1/home", ""); compact(got.body) != `{"videosWatched":"0","videos":[`+two+`,`+one+`],"nextPageToken":""}` {
		t.Errorf("home is %s", got.body)
	}
	first := p.call(t, "GET", "/v1/home?pageSize=1", "")
	next := decode[struct{ NextPageToken string }](t, first.body).NextPageToken
	if got := p.call(t, "GET", "/v1/home?pageSize=1&pageToken="+next, ""); compact(got.body) != `{"videosWatched":"0","videos":[`+one+`],"nextPageToken":""}` {
		t.Errorf("the second page is %s", got.body)
	}
}
