package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
)

// Each viewing counts once, whoever watched, and however often its message comes:
// with its key again, to two processes of aggregators, and when the views are made
// again.
func TestFlow01_Viewing(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	beside := s.aggregators()
	ann := s.creator("ann@example.org")
	video := s.published(ann, film(t, "a.mp4", "160x120", 1))
	s.concluded(ann, s.name(ann, video, "Lesson 1"))

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
			t.Errorf("a viewing that is repeated has trace %s, want %s", trace, traces[key])
		}
	}
	s.watch(video, uuid.NewString(), nil) // by which the others are counted
	s.counts(ann, video, 2*each+1)

	for _, view := range []string{"homepage", "creatorsvideos"} {
		s.tell("rebuild", view)
	}
	s.counts(ann, video, 2*each+1)
	beside.kill()
	s.watch(video, uuid.NewString(), nil)
	s.counts(ann, video, 2*each+2)
	if home := s.onHome(video); home.text("name") != "Lesson 1" || home.text("ownerId") != ann.id {
		t.Errorf("the home page shows %v", home)
	}
}

// watch records a viewing, and returns its trace.
func (s *system) watch(video, key string, session []string) (trace string) {
	s.t.Helper()
	s.until("a viewing is acknowledged", func() bool {
		status, answer := s.post("/v1/videos/"+video+"/viewings", "", append([]string{"Idempotency-Key", key}, session...)...)
		trace = answer.text("traceId")
		return status == http.StatusAccepted
	})
	return trace
}

// counts waits until all that show how often the video was watched, and nothing
// else was, show n.
func (s *system) counts(owner creator, video string, n int) {
	s.t.Helper()
	want := fmt.Sprint(n)
	s.shows(want)
	s.until("the home page has the video's "+want, func() bool { return s.onHome(video).text("views") == want })
	s.video(owner, video, "with "+want+" viewings", func(v object) bool { return v.text("views") == want })
}

// checkViewings compares the stored viewings with their answers: half of them are
// the user's, the others nobody's.
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
			t.Errorf("%s: trace %v is nobody's, or another's too", m, m.Metadata["traceId"])
		}
		delete(answered, m.Metadata.text("traceId"))
		by[m.Metadata["userId"]]++
	}
	if len(answered) != 0 || by[user.id] != half || by[nil] != half {
		t.Errorf("%d viewings are not stored; by whom they are: %v, want %d of each", len(answered), by, half)
	}
}
