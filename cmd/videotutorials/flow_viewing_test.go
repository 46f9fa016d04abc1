package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
)

// Each viewing counts once, by a user or anonymous: if it is repeated with its key, if
// two processes of aggregators run, and after a rebuild.
func TestFlow01_Viewing(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	beside := s.aggregators()
	ann := s.creator("ann@example.org")
	video := s.published(ann, film(t, "a.mp4", "160x120", 1))
	s.outcomeOf(ann, s.name(ann, video, "Lesson 1"))

	const each = 15
	sessions, traces := map[string][]string{}, map[string]string{} // by the viewings' keys
	for range each {
		sessions[uuid.NewString()], sessions[uuid.NewString()] = ann.session, nil
	}
	for key, session := range sessions {
		traces[key] = s.watch(video, key, append([]string{"Content-Type", ";"}, session...))
	}
	s.checkViewings(t, ann, video, traces, each)
	s.counts(ann, video, 2*each)

	for key, session := range sessions {
		if trace := s.watch(video, key, session); trace != traces[key] {
			t.Errorf("a repeated viewing has trace %s, want %s", trace, traces[key])
		}
	}
	s.watch(video, uuid.NewString(), nil) // the earlier ones are counted before it
	s.counts(ann, video, 2*each+1)

	for _, view := range []string{"homepage", "creatorsvideos"} {
		s.videotutorials("rebuild", view)
	}
	s.counts(ann, video, 2*each+1)
	beside.kill()
	s.watch(video, uuid.NewString(), nil)
	s.counts(ann, video, 2*each+2)
	if home := s.onHome(video); home.text("name") != "Lesson 1" || home.text("ownerId") != ann.id {
		t.Errorf("the home page shows %v", home)
	}
}

// watch records a viewing and returns its trace.
func (s *system) watch(video, key string, session []string) (trace string) {
	s.t.Helper()
	s.until("a viewing is accepted", func() bool {
		status, answer := s.post("/v1/videos/"+video+"/viewings", "", append([]string{"Idempotency-Key", key}, session...)...)
		trace = answer.text("traceId")
		return status == http.StatusAccepted
	})
	return trace
}

// counts waits until the home page and the dashboard show n viewings, all of the video.
func (s *system) counts(owner creator, video string, n int) {
	s.t.Helper()
	want := fmt.Sprint(n)
	s.shows(want)
	s.until("the home page has the video with "+want, func() bool { return s.onHome(video).text("views") == want })
	s.video(owner, video, "with "+want+" viewings", func(v object) bool { return v.text("views") == want })
}

// checkViewings compares the stored viewings with the traces of the answers: half are
// by the user, half anonymous.
func (s *system) checkViewings(t *testing.T, user creator, video string, traces map[string]string, half int) {
	t.Helper()
	answered := map[string]bool{}
	for _, trace := range traces {
		answered[trace] = true
	}
	by := map[any]int{}
	for _, m := range s.read("stream_name = $1", "viewing-"+video) {
		if m.Type != "VideoViewed" || m.Data.text("videoId") != video || m.Data["userId"] != m.Metadata["userId"] {
			t.Errorf("%s has %v and %v", m, m.Data, m.Metadata)
		}
		if !answered[m.Metadata.text("traceId")] {
			t.Errorf("%s: trace %v is unknown or repeated", m, m.Metadata["traceId"])
		}
		delete(answered, m.Metadata.text("traceId"))
		by[m.Metadata["userId"]]++
	}
	if len(answered) != 0 || by[user.id] != half || by[nil] != half {
		t.Errorf("%d viewings are not stored; viewings by user: %v, want %d each", len(answered), by, half)
	}
}
