package main

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
)

// Videos are published from uploads, from an address, and once if published twice.
func TestFlow05_Publish(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), []string{"VT_ALLOW_PRIVATE_SOURCES=true"})
	ann := s.creator("ann@example.org")
	mp4, webm := film(t, "a.mp4", "320x240", 2), film(t, "a.webm", "160x120", 1)
	for name, path := range map[string]string{"MP4": mp4, "WebM": webm} {
		t.Run(name, func(t *testing.T) {
			source, video := s.upload(ann, path), uuid.NewString()
			answer := s.publish(ann, video, source)
			if code := s.outcomeOf(ann, answer); code != "" {
				t.Fatalf("the video is not published: %s", code)
			}
			s.video(ann, video, "is published", func(v object) bool {
				return v.text("status") == "published" && v.text("sourceUri") == source &&
					v.text("transcodedUri") == "/media/"+video && v.text("posterUri") == "/media/"+video+"/poster" && v["failure"] == nil
			})
			s.checkWatchable(t, video)
			s.checkPoster(t, video)
			s.checkPublishing(t, ann, video, answer)
		})
	}
	twice := uuid.NewString()
	t.Run("Twice", func(t *testing.T) {
		source := s.upload(ann, mp4)
		both := []object{s.publish(ann, twice, source), s.publish(ann, twice, source)}
		for _, answer := range append(both, s.publish(ann, twice, s.upload(ann, webm))) {
			if code := s.outcomeOf(ann, answer); code != "" {
				t.Errorf("%v: %s", answer, code)
			}
		}
	})
	t.Run("Address", func(t *testing.T) {
		server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(webm))))
		defer server.Close()
		video := uuid.NewString()
		if code := s.outcomeOf(ann, s.publish(ann, video, server.URL+"/a.webm")); code != "" {
			t.Fatalf("the video is not published: %s", code)
		}
		s.checkWatchable(t, video)
		if code := s.outcomeOf(ann, s.publish(ann, uuid.NewString(), server.URL+"/nothing.mp4")); code != "UNREACHABLE_SOURCE" {
			t.Errorf("a missing file: %q, want UNREACHABLE_SOURCE", code)
		}
	})
	// A second attempt would have begun by now.
	if got := s.history(twice); got != "PublishAttempted VideoPublished" {
		t.Errorf("the stream of the video published twice has %s", got)
	}
	if left := s.files("tmp/*"); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

// checkPoster checks the image of a video.
func (s *system) checkPoster(t *testing.T, video string) {
	t.Helper()
	status, body, header := s.exchange(http.MethodGet, s.url+"/media/"+video+"/poster", "")
	image, err := jpeg.DecodeConfig(bytes.NewReader(body))
	if status != http.StatusOK || header.Get("Content-Type") != "image/jpeg" || err != nil || image.Width < 160 {
		t.Errorf("poster: %d %v, %v, %v", status, header, image, err)
	}
}

// checkPublishing checks the messages of a publishing.
func (s *system) checkPublishing(t *testing.T, owner creator, video string, answer object) {
	t.Helper()
	var got []string
	for _, m := range s.trace(answer.text("traceId")) {
		got = append(got, m.String())
		if m.Data.text("videoId") != video || m.Data.text("ownerId") != owner.id || m.Metadata.text("userId") != owner.id {
			t.Errorf("%s: %v, %v", m, m.Data, m.Metadata)
		}
		if m.Type == "VideoPublished" && (m.Data["transcoded"] != true || m.Data["contentType"] != "video/mp4") {
			t.Errorf("%s: %v", m, m.Data)
		}
	}
	own := "videoPublishing-" + video
	got = slices.Compact(got) // an attempt may renew its lease
	if want := []string{"videoPublishing:command-" + video + " PublishVideo", own + " PublishAttempted", own + " VideoPublished"}; !slices.Equal(got, want) {
		t.Errorf("the trace has %v, want %v", got, want)
	}
}

// A file that is not a video, and unreachable sources, fail with a code. Another
// command for the video has the same outcome.
func TestFlow05_Failed_D15(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	ann, eve := s.creator("ann@example.org"), s.creator("eve@example.org")
	text := filepath.Join(t.TempDir(), "text.mp4")
	if err := os.WriteFile(text, bytes.Repeat([]byte("This is no video.\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	film := film(t, "a.mp4", "160x120", 1)

	video := uuid.NewString()
	t.Run("NotAVideo", func(t *testing.T) {
		source := s.upload(ann, text)
		for _, again := range []string{source, source, s.upload(ann, film)} {
			if code := s.outcomeOf(ann, s.publish(ann, video, again)); code != "NOT_A_VIDEO" {
				t.Errorf("%q, want NOT_A_VIDEO", code)
			}
		}
		s.video(ann, video, "has failed", func(v object) bool {
			failure := v.object("failure")
			return v.text("status") == "failed" && failure.text("code") == "NOT_A_VIDEO" && failure.text("message") != "" && v.text("transcodedUri") == ""
		})
		if status, _ := s.get("/media/" + video); status != http.StatusNotFound || s.onHome(video) != nil {
			t.Errorf("the video is served with %d, and the home page has %v", status, s.onHome(video))
		}
	})
	t.Run("Another", func(t *testing.T) { s.checkOthersVideos(t, ann, eve, film) })
	t.Run("PrivateAddress", func(t *testing.T) { s.checkPrivate(t, ann) })
	t.Run("BrokenUpload", func(t *testing.T) { s.checkBrokenUpload(t, ann) })
	// A second attempt would have begun by now.
	if got := s.history(video); got != "PublishAttempted VideoPublishingFailed" {
		t.Errorf("the stream of the failed video has %s", got)
	}
}

// checkOthersVideos checks that a user cannot use an upload or a video of another user.
func (s *system) checkOthersVideos(t *testing.T, ann, eve creator, film string) {
	t.Helper()
	uploaded := s.upload(ann, film)
	status, answer := s.post("/v1/me/videos", `{"sourceUri": "`+uploaded+`"}`, eve.session...)
	if named := answer.violations(); status != http.StatusBadRequest || !slices.Equal(named, []string{"sourceUri"}) {
		t.Errorf("another's upload: %d %v", status, answer)
	}
	video := uuid.NewString()
	first := s.publish(ann, video, uploaded)
	if code := s.outcomeOf(ann, first); code != "" {
		t.Fatalf("the video is not published: %s", code)
	}
	refused := s.publish(eve, video, s.upload(eve, film))
	if code := s.outcomeOf(eve, refused); code != "NOT_OWNER" {
		t.Errorf("another's video: %q, want NOT_OWNER", code)
	}
	for path, session := range map[string][]string{
		first.text("operation"): eve.session, refused.text("operation"): ann.session, "/v1/me/videos/" + video: eve.session,
	} {
		if status, answer := s.get(path, session...); status != http.StatusNotFound {
			t.Errorf("%s of another: %d %v, want 404", path, status, answer)
		}
	}
	if videos := s.all("/v1/me/videos", "videos", eve.session); len(videos) != 0 {
		t.Errorf("eve has %v", videos)
	}
	s.video(ann, video, "is still published", func(v object) bool { return v.text("status") == "published" && v.text("sourceUri") == uploaded })
}
