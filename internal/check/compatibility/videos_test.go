package compatibility_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"videotutorials/aggregators/creatorsvideos"
	"videotutorials/aggregators/homepage"
	"videotutorials/aggregators/videooperations"
	"videotutorials/components"
	"videotutorials/components/videopublishing"
	"videotutorials/internal/media"
	"videotutorials/internal/test/teststore"
)

// publishOf returns the data of PublishVideo, publishedOf that of VideoPublished. The
// original does not transcode: all its videos have a fixed address.
func publishOf(owner, source, video string) string {
	return fmt.Sprintf(`{"ownerId":%q,"sourceUri":%q,"videoId":%q}`, owner, source, video)
}

const originalURI = "https://videos.example.org/fixed"

func publishedOf(owner, video string) string {
	return fmt.Sprintf(`{"ownerId":%q,"sourceUri":%q,"transcodedUri":%q,"videoId":%q}`, owner, originalURI, originalURI, video)
}

func nameOfVideo(video, name string) string {
	return fmt.Sprintf(`{"videoId":%q,"name":%q}`, video, name)
}

// publishing returns the consumers of component videopublishing.
func publishing(t *testing.T) []components.Consumer {
	t.Helper()
	folder, err := media.Open(filepath.Join(t.TempDir(), "media"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	return videopublishing.Consumers(videopublishing.Publisher{
		Media: folder, Tools: videopublishing.FindTools(t.Context(), log), AllowPrivate: true, MaxSource: 1 << 20, Log: log,
	})
}

// TestOriginal_PublishVideo gives component videopublishing the commands of the
// original's application, whose sources are addresses and whose metadata are only
// those of the request.
func TestOriginal_PublishVideo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if said, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", "testsrc2=size=160x120:duration=1", filepath.Join(dir, "film.webm")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	n := node{t, teststore.New(t)}
	n.run(publishing(t)...)
	user, video, other := uuid.NewString(), uuid.NewString(), uuid.NewString()
	n.write("videoPublishing:command-"+video, "PublishVideo", publishOf(user, server.URL+"/film.webm", video), traceOf(user))
	n.write("videoPublishing:command-"+other, "PublishVideo", publishOf(user, server.URL+"/nothing.mp4", other), traceOf(user))
	n.await("VideoPublished", 1, "videoPublishing")
	n.write("videoPublishing:command-"+video, "NameVideo", nameOfVideo(video, "Lesson 1"), traceOf(user))
	n.write("videoPublishing:command-"+video, "NameVideo", nameOfVideo(video, " "), traceOf(user))
	n.await("VideoPublishingFailed", 1, "videoPublishing")
	all := n.await("VideoNameRejected", 1, "videoPublishing")
	var known []string
	for _, m := range all {
		if slices.Contains(beyond, nameOf(m)) {
			continue
		}
		expectReadable(t, m)
		if metadata := object(t, m.Metadata); metadata["userId"] != user {
			t.Errorf("%s has the metadata %s, want the user of the command", m.Type, m.Metadata)
		}
		known = append(known, m.Type)
	}
	slices.Sort(known) // two videos
	expect(t, "videos", known, "VideoNameRejected", "VideoNamed", "VideoPublished", "VideoPublishingFailed")
}

// TestOriginal_HasPublished gives component videopublishing videos that the original's
// has published or failed to publish, without attempts. It does not publish them
// again, and only their owner can name them.
func TestOriginal_HasPublished(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	user, other, video, failed := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	for _, v := range []struct{ id, event, data string }{
		{video, "VideoPublished", publishedOf(user, video)},
		{failed, "VideoPublishingFailed", fmt.Sprintf(`{"ownerId":%q,"sourceUri":%q,"videoId":%q,"reason":"no"}`, user, originalURI, failed)},
	} {
		n.write("videoPublishing:command-"+v.id, "PublishVideo", publishOf(user, originalURI, v.id), traceOf(user))
		n.write("videoPublishing-"+v.id, v.event, v.data, traceOf(user))
		n.write("videoPublishing:command-"+v.id, "PublishVideo", publishOf(user, originalURI, v.id), traceOf(user))
	}
	n.write("videoPublishing:command-"+video, "NameVideo", nameOfVideo(video, "Mine"), traceOf(other))
	n.write("videoPublishing:command-"+video, "NameVideo", nameOfVideo(video, "Lesson 1"), traceOf(user))
	stop := n.run(publishing(t)...)
	n.await("VideoNamed", 1, "videoPublishing")
	stop()
	expect(t, "videos", types(n.await("VideoNamed", 1, "videoPublishing")),
		"VideoPublished", "VideoPublishingFailed", "VideoNameRejected", "VideoNamed")
}

// TestOriginal_VideoViews gives the aggregators the original's events of videos, which
// have no attempts, codes or content types, and name videos that do not exist.
func TestOriginal_VideoViews(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	user, video, failed := uuid.NewString(), uuid.NewString(), uuid.NewString()
	named, rejected := uuid.NewString(), uuid.NewString()
	trace := func(id string) string { return fmt.Sprintf(`{"traceId":%q,"userId":%q}`, id, user) }
	n.write("viewing-"+video, "VideoViewed", `{"userId":null,"videoId":"`+video+`"}`, traceOf(""))
	n.write("videoPublishing-"+video, "VideoNamed", `{"name":"Too early"}`, traceOf(user))
	n.write("videoPublishing-"+uuid.NewString(), "VideoNamed", `{"name":"Of nothing"}`, traceOf(user))
	n.write("videoPublishing-undefined", "VideoNamed", `{"name":"Of undefined"}`, traceOf(user))
	n.write("videoPublishing:command-"+video, "PublishVideo", publishOf(user, originalURI, video), traceOf(user))
	n.write("videoPublishing-"+video, "VideoPublished", publishedOf(user, video), traceOf(user))
	n.write("videoPublishing-"+failed, "VideoPublishingFailed",
		fmt.Sprintf(`{"ownerId":%q,"sourceUri":%q,"videoId":%q,"reason":"no"}`, user, originalURI, failed), traceOf(user))
	n.write("viewing-"+video, "VideoViewed", `{"userId":null,"videoId":"`+video+`"}`, traceOf(""))
	n.write("videoPublishing-"+video, "VideoNamed", `{"name":"Lesson 1"}`, trace(named))
	last := n.write("videoPublishing-"+video, "VideoNameRejected", `{"name":"","reason":"{\"name\":[\"can't be blank\"]}"}`, trace(rejected))

	found := n.rows([]target{
		{homepage.Aggregator(), last - 1}, {creatorsvideos.Aggregator(), last - 1}, {videooperations.Aggregator(), last},
	},
		`select concat_ws(' ', owner_id, name, views) from home_videos where published_position is not null`,
		`select concat_ws('|', id, owner_id, name, views, transcoded_uri, status, failure_reason) from creators_portal_videos order by first_position`,
		`select concat_ws('|', trace_id, video_id, succeeded, failure_reason) from video_operations where trace_id in ('`+named+`', '`+rejected+`') order by succeeded`,
		`select count(*)::text from video_operations where succeeded`)
	expect(t, "home page", found[0], user+" Lesson 1 2")
	expect(t, "dashboard", found[1], video+"|"+user+"|Lesson 1|2|"+originalURI+"|published", failed+"|"+user+"|0|failed|no")
	expect(t, "operations", found[2], rejected+"|"+video+`|f|{"name":["can't be blank"]}`, named+"|"+video+"|t")
	expect(t, "operations that succeeded", found[3], "5")
}
