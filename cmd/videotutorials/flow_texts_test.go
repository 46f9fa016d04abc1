package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A valid name is shown; an invalid one is rejected with a code and the old name stays.
// While the component is stopped, commands are pending; then it handles them in order.
func TestFlow06_Name(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "-only", "messagestore,aggregators,application,identity")
	publisher := s.components("videopublishing")
	ann, eve := s.creator("ann@example.org"), s.creator("eve@example.org")
	video := s.published(ann, film(t, "a.mp4", "160x120", 1))
	publisher.kill()

	first, second := s.name(ann, video, "First"), s.name(ann, video, " Second ")
	same, last := s.name(ann, video, "Second"), s.name(ann, video, "Third")
	for _, waiting := range []object{first, second, same, last} {
		if _, operation := s.get(waiting.text("operation")+"?wait=100ms", ann.session...); operation["done"] != false {
			t.Errorf("a name is set while the component is stopped: %v", operation)
		}
	}
	publisher.start()
	for answer, want := range map[*object]string{&first: "", &second: "", &same: "UNCHANGED", &last: ""} {
		if code := s.outcomeOf(ann, *answer); code != want {
			t.Errorf("%v: %q, want %q", *answer, code, want)
		}
	}
	if got := s.history(video); got != "PublishAttempted VideoPublished VideoNamed VideoNamed VideoNameRejected VideoNamed" {
		t.Errorf("the stream of the video has %s", got)
	}
	s.checkTexts(ann, eve, video, text{
		key: "name", now: "Third", most: 200, empty: "BLANK", given: "VideoNamed", rejected: "VideoNameRejected",
	})
	s.until("the home page shows the name", func() bool { return s.onHome(video).text("name") == strings.Repeat(wide, 200) })
}

// Descriptions have the same rules as names. An empty description removes the text.
func TestFlow07_Describe(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	ann, eve := s.creator("ann@example.org"), s.creator("eve@example.org")
	video := s.published(ann, film(t, "a.mp4", "160x120", 1))
	s.checkTexts(ann, eve, video, text{
		key: "description", now: "", most: 5000, empty: "UNCHANGED", given: "VideoDescribed", rejected: "VideoDescriptionRejected",
	})
	if code := s.outcomeOf(ann, s.describe(ann, video, "")); code != "" {
		t.Errorf("the description is not removed: %s", code)
	}
	s.video(ann, video, "without description", func(v object) bool { return v.text("description") == "" })
}

// describe sends the command DescribeVideo.
func (s *system) describe(c creator, video, description string) object {
	s.t.Helper()
	return s.sendVideoCommand(c, "/"+video+":describe", object{"description": description})
}

// wide is a character of four bytes.
const wide = "🎬"

// A text is a name or a description with its current value.
type text struct {
	key, now string
	most     int
	// empty is the code for an empty text.
	empty string
	// given and rejected are the types of the events.
	given, rejected string
}

// checkTexts sets texts of the video, at last one of the maximal length.
func (s *system) checkTexts(owner, other creator, video string, x text) {
	s.t.Helper()
	path := map[string]string{"name": ":name", "description": ":describe"}[x.key]
	unknown := uuid.NewString()
	for _, c := range []struct {
		by                creator
		video, text, code string
	}{
		{owner, video, "", x.empty},
		{owner, video, " \t\n\u00a0", x.empty},
		{owner, video, strings.Repeat(wide, x.most+1), "TOO_LONG"},
		{other, video, "Mine", "NOT_OWNER"},
		{owner, unknown, "Nothing", "UNKNOWN_VIDEO"},
		{owner, video, "A lesson", ""},
		{owner, video, " A lesson ", "UNCHANGED"},
		{owner, video, strings.Repeat(wide, x.most), ""},
	} {
		answer := s.sendVideoCommand(c.by, "/"+c.video+path, object{x.key: c.text})
		if code := s.outcomeOf(c.by, answer); code != c.code {
			s.t.Errorf("%.20q: %q, want %q", c.text, code, c.code)
		}
		if c.code == "" {
			x.now = c.text
		}
		s.checkDecision(answer, c.video, c.code, x)
		s.video(owner, video, fmt.Sprintf("with the %s %.20q", x.key, x.now), func(v object) bool { return v.text(x.key) == x.now })
	}
	if s.count("select count(*) from message_store.messages where stream_name = $1 and type = $2", "videoPublishing-"+unknown, x.rejected) != 1 {
		s.t.Error("the command for an unknown video is not rejected in its stream")
	}
}

// checkDecision checks the event that accepts or rejects a text.
func (s *system) checkDecision(answer object, video, code string, x text) {
	s.t.Helper()
	messages := s.trace(answer.text("traceId"))
	if len(messages) != 2 {
		s.t.Fatalf("the trace has %v, want a command and an event", messages)
	}
	event := messages[1]
	switch {
	case event.StreamName != "videoPublishing-"+video:
		s.t.Errorf("the event is in %s", event.StreamName)
	case code == "" && (event.Type != x.given || event.Data.text(x.key) != x.now):
		s.t.Errorf("%s %.100v, want %s %.20q", event, event.Data, x.given, x.now)
	case code != "" && (event.Type != x.rejected || event.Data.text("code") != code || event.Data.text("reason") == ""):
		s.t.Errorf("%s %.100v, want %s with %s and a reason", event, event.Data, x.rejected, code)
	}
}
