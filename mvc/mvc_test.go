package mvc_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/mvc"
)

func TestHome_Sum(t *testing.T) {
	t.Parallel()
	a := start(t, 3)
	a.execute("update videos set view_count = 0")
	for n := range 3 {
		a.recordFirst(n + 1)
	}
	page := a.home("")
	if page.VideosWatched != "3" {
		t.Errorf("%s videos are watched, want 3", page.VideosWatched)
	}
	for _, v := range page.Videos {
		if v.Views != "1" {
			t.Errorf("video %s has %s views, want 1", v.VideoID, v.Views)
		}
	}
}

func TestHome_Seeds(t *testing.T) {
	t.Parallel()
	a := start(t, 3)
	const want = `{"videosWatched":"3","videos":[` +
		`{"videoId":"00000000-0000-4000-8000-000000000001","name":"Video 1","views":"0","ownerId":"00000000-0000-4000-8000-0000000000ff"},` +
		`{"videoId":"00000000-0000-4000-8000-000000000002","name":"Video 2","views":"1","ownerId":"00000000-0000-4000-8000-0000000000ff"},` +
		`{"videoId":"00000000-0000-4000-8000-000000000003","name":"Video 3","views":"2","ownerId":"00000000-0000-4000-8000-0000000000ff"}` +
		`],"nextPageToken":""}`
	if got := a.call("GET", "/v1/home", ""); got.body != want {
		t.Errorf("home page is %s, want %s", got.body, want)
	}
	a.recordFirst(1)
	a.stop()

	// The next start keeps the counts and inserts only the missing videos.
	again := run(t, a.database, 5)
	again.awaitReady()
	page := again.home("")
	if page.VideosWatched != "4" || len(page.Videos) != 5 || page.Videos[4].VideoID != mvc.VideoID(5).String() {
		t.Errorf("at the next start: %+v", page)
	}
	var ids []int64
	conn, err := pgx.Connect(t.Context(), a.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, _ := conn.Query(t.Context(), "select id from videos order by id")
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil || !slices.Equal(ids, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("the serial ids are %v, %v", ids, err)
	}
}

func TestHome_Empty(t *testing.T) {
	t.Parallel()
	a := start(t, 0)
	if got, want := a.call("GET", "/v1/home", "").body, `{"videosWatched":"0","videos":[],"nextPageToken":""}`; got != want {
		t.Errorf("home page is %s, want %s", got, want)
	}
	// An integer that a float64 cannot represent, and a video that is not transcoded.
	a.execute(`insert into videos (video_id, owner_id, view_count) values (gen_random_uuid(), gen_random_uuid(), 9007199254740993)`)
	if got, want := a.call("GET", "/v1/home", "").body, `{"videosWatched":"9007199254740993","videos":[],"nextPageToken":""}`; got != want {
		t.Errorf("home page is %s, want %s", got, want)
	}
}

func TestHome_Pages(t *testing.T) {
	t.Parallel()
	a := start(t, 120)
	for _, test := range []struct {
		size string
		want []int
	}{{"", []int{50, 50, 20}}, {"0", []int{50, 50, 20}}, {"60", []int{60, 60}}, {"1000", []int{120}}} {
		var sizes []int
		seen := 0
		for query := "?pageSize=" + test.size; ; {
			page := a.home(query)
			sizes = append(sizes, len(page.Videos))
			for _, v := range page.Videos {
				if seen++; v.VideoID != mvc.VideoID(seen).String() {
					t.Errorf("video %d is %s", seen, v.VideoID)
				}
			}
			if page.VideosWatched != "3" {
				t.Errorf("%s videos are watched, want 3", page.VideosWatched)
			}
			if page.NextPageToken == "" {
				break
			}
			query = "?pageSize=" + test.size + "&pageToken=" + page.NextPageToken
		}
		if !slices.Equal(sizes, test.want) {
			t.Errorf("pages of %q have %v videos, want %v", test.size, sizes, test.want)
		}
	}
}

func TestRecordViewing(t *testing.T) {
	t.Parallel()
	a := start(t, 3)
	video := strings.ToUpper(mvc.VideoID(3).String())
	traces := map[string]bool{}
	for _, body := range []string{"", " {} \n"} {
		got := a.call("POST", "/v1/videos/"+video+"/viewings", body)
		var receipt struct{ TraceID string }
		if err := json.Unmarshal([]byte(got.body), &receipt); err != nil || got.status != http.StatusAccepted {
			t.Fatalf("answer is %d %s, %v", got.status, got.body, err)
		}
		if receipt.TraceID == "" || receipt.TraceID != got.header.Get("X-Trace-Id") || traces[receipt.TraceID] {
			t.Errorf("traceId is %q, X-Trace-Id %q", receipt.TraceID, got.header.Get("X-Trace-Id"))
		}
		traces[receipt.TraceID] = true
	}
	if page := a.home(""); page.VideosWatched != "5" || page.Videos[2].Views != "4" {
		t.Errorf("home page is %+v", page)
	}
}

// Concurrent viewings of one video are all counted.
func TestRecordViewing_Concurrent(t *testing.T) {
	t.Parallel()
	a := start(t, 1)
	var clients sync.WaitGroup
	for range 100 {
		clients.Go(func() {
			for range 5 {
				a.recordFirst(1)
			}
		})
	}
	clients.Wait()
	if page := a.home(""); page.VideosWatched != "500" {
		t.Errorf("%s viewings are counted, want 500", page.VideosWatched)
	}
}

func TestREST_Refused(t *testing.T) {
	t.Parallel()
	a := start(t, 3)
	viewings := "/v1/videos/" + mvc.VideoID(1).String() + "/viewings"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		fields             []string
		text               string
	}{
		"UnknownVideo": {"POST", "/v1/videos/7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f/viewings", "", 404, nil, "no video"},
		"BadID":        {"POST", "/v1/videos/12345/viewings", "", 400, []string{"videoId"}, "12345"},
		"NoDashes":     {"POST", "/v1/videos/00000000000040008000000000000001/viewings", "", 400, []string{"videoId"}, "not a UUID"},
		"BadUTF8":      {"POST", "/v1/videos/%ff%00/viewings", "", 400, []string{"videoId"}, `\\xff`},
		"LongID":       {"POST", "/v1/videos/" + strings.Repeat("7", 4000) + "/viewings", "", 400, []string{"videoId"}, `777\"...`},
		"UnknownField": {"POST", viewings, `{"userId": "me"}`, 400, []string{"userId"}, "no such field"},
		"NotJSON":      {"POST", viewings, `{`, 400, []string{"body"}, "JSON"},
		"NotAnObject":  {"POST", viewings, `[]`, 400, []string{"body"}, "JSON"},
		"Null":         {"POST", viewings, `null`, 400, []string{"body"}, "JSON"},
		"LargeBody":    {"POST", viewings, strings.Repeat(" ", 1<<20+1), 413, []string{"body"}, "1048576"},
		"Parameter":    {"POST", viewings + "?n=5", "", 400, []string{"n"}, "no such parameter"},
		"GetViewings":  {"GET", viewings, "", 405, nil, "only POST"},
		"DeleteHome":   {"DELETE", "/v1/home", "", 405, nil, "only GET"},
		"PostHealth":   {"POST", "/healthz", "", 405, nil, "only GET"},
		"NoPath":       {"GET", "/v1/users", "", 404, nil, "no such path"},
		"Root":         {"GET", "/", "", 404, nil, "no such path"},
		"PageSize":     {"GET", "/v1/home?pageSize=1001", "", 400, []string{"pageSize"}, "1000"},
		"NegativeSize": {"GET", "/v1/home?pageSize=-1", "", 400, []string{"pageSize"}, "-1"},
		"SizeTwice":    {"GET", "/v1/home?pageSize=1&pageSize=2", "", 400, []string{"pageSize"}, "more than once"},
		"PageToken":    {"GET", "/v1/home?pageToken=x", "", 400, []string{"pageToken"}, "nextPageToken"},
		"Query":        {"GET", "/v1/home?a;b", "", 400, []string{"query"}, "malformed"},
		"UnknownParam": {"GET", "/v1/home?sort=name", "", 400, []string{"sort"}, "no such parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.call(c.method, c.path, c.body)
			if got.status != c.status || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("answer is %d %s, want %d", got.status, got.body, c.status)
			}
			if fields := a.violations(got); !slices.Equal(fields, c.fields) || !strings.Contains(got.body, c.text) {
				t.Errorf("%s, fields %q, want %q and %q", got.body, fields, c.fields, c.text)
			}
			if len(got.body) > 1000 {
				t.Errorf("%d bytes are sent back", len(got.body))
			}
			if (got.status == http.StatusMethodNotAllowed) != (got.header.Get("Allow") != "") {
				t.Errorf("Allow is %q", got.header.Get("Allow"))
			}
		})
	}
	if page := a.home(""); page.VideosWatched != "3" {
		t.Errorf("refused requests changed the count to %s", page.VideosWatched)
	}
}
