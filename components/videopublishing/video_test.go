package videopublishing

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/components"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

const (
	id  = "3d0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	ann = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	eve = "6f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
)

func by(user string) components.Cause {
	return components.Cause{Metadata: contract.Metadata{UserID: &user}}
}

// only returns the only emitted message.
func only(t *testing.T, emits []components.Emit) proto.Message {
	t.Helper()
	if len(emits) != 1 {
		t.Fatalf("emits %v, want one", emits)
	}
	return emits[0].Message()
}

func TestVideo_Rename_D12(t *testing.T) {
	t.Parallel()
	owned := video{owner: ann, name: "Old"}
	long, longest := strings.Repeat("ä", maxName+1), strings.Repeat("ä", maxName)
	for test, c := range map[string]struct {
		video      video
		cause      components.Cause
		name       string
		code, want string
	}{
		"Named":       {owned, by(ann), "New", "", "New"},
		"Trimmed":     {owned, by(ann), " \u3000New\t\n", "", "New"},
		"Longest":     {owned, by(ann), " " + longest + " ", "", longest},
		"FirstName":   {video{owner: ann}, by(ann), "New", "", "New"},
		"Failed":      {video{owner: ann, settled: true}, by(ann), "New", "", "New"},
		"Unknown":     {video{}, by(ann), "New", unknownVideo, "New"},
		"NamedBefore": {video{name: "Old"}, by(ann), "New", unknownVideo, "New"},
		"NotOwner":    {owned, by(eve), "New", notOwner, "New"},
		"Anonymous":   {owned, components.Cause{}, "New", notOwner, "New"},
		"Empty":       {owned, by(ann), "", blank, ""},
		"Blank":       {owned, by(ann), " \t\n\u00a0\u3000\u2028", blank, " \t\n\u00a0\u3000\u2028"},
		"Invisible":   {owned, by(ann), "\u200b\ufeff\u2060", blank, "\u200b\ufeff\u2060"},
		"TooLong":     {owned, by(ann), long, tooLong, longest + "…"},
		"Unchanged":   {owned, by(ann), " Old ", unchanged, " Old "},
		"LongByOther": {owned, by(eve), strings.Repeat("x", 1<<20), notOwner, strings.Repeat("x", maxName) + "…"},
	} {
		m := only(t, c.video.rename(&videopublishingv1.NameVideo{VideoId: id, Name: c.name}, c.cause))
		switch event := m.(type) {
		case *videopublishingv1.VideoNamed:
			if c.code != "" || event.GetName() != c.want {
				t.Errorf("%s: %v, want %q", test, event, c.want)
			}
		case *videopublishingv1.VideoNameRejected:
			if event.GetCode() != c.code || event.GetName() != c.want || event.GetReason() == "" || utf8.RuneCountInString(event.GetReason()) > 160 {
				t.Errorf("%s: %v, want %s of %q", test, event, c.code, c.want)
			}
		}
	}
}

func TestVideo_Describe(t *testing.T) {
	t.Parallel()
	owned := video{owner: ann, description: "Old"}
	longest := strings.Repeat("ä", maxDescription)
	for test, c := range map[string]struct {
		video       video
		cause       components.Cause
		description string
		code, want  string
	}{
		"Described": {owned, by(ann), " New\nlines ", "", "New\nlines"},
		"Removed":   {owned, by(ann), " ", "", ""},
		"Longest":   {owned, by(ann), longest, "", longest},
		"TooLong":   {owned, by(ann), longest + "ä", tooLong, longest + "…"},
		"Unchanged": {owned, by(ann), "Old", unchanged, "Old"},
		"StillNone": {video{owner: ann}, by(ann), "", unchanged, ""},
		"Unknown":   {video{}, by(ann), "New", unknownVideo, "New"},
		"NotOwner":  {owned, by(eve), "New", notOwner, "New"},
	} {
		m := only(t, c.video.describe(&videopublishingv1.DescribeVideo{VideoId: id, Description: c.description}, c.cause))
		switch event := m.(type) {
		case *videopublishingv1.VideoDescribed:
			if c.code != "" || event.GetDescription() != c.want {
				t.Errorf("%s: %v, want %q", test, event, c.want)
			}
		case *videopublishingv1.VideoDescriptionRejected:
			if event.GetCode() != c.code || event.GetDescription() != c.want || event.GetReason() == "" {
				t.Errorf("%s: %v, want %s of %q", test, event, c.code, c.want)
			}
		}
	}
}

// The reasons of rejections name the fault and the limits.
func TestReasons_D19(t *testing.T) {
	t.Parallel()
	owned := video{owner: ann, name: "Old"}
	for text, want := range map[string]string{
		"  ":                       `the name "  " is blank: it must have 1 to 200 characters`,
		"Old":                      `the name is "Old" already`,
		strings.Repeat("long", 60): `the name "` + strings.Repeat("long", 10) + `…" has 240 characters: it may have 200`,
	} {
		rejected, _ := only(t, owned.rename(&videopublishingv1.NameVideo{VideoId: id, Name: text}, by(ann))).(*videopublishingv1.VideoNameRejected)
		if rejected.GetReason() != want {
			t.Errorf("reason %q, want %q", rejected.GetReason(), want)
		}
	}
}

func TestVideo_PublishVideo_D12(t *testing.T) {
	t.Parallel()
	m := &videopublishingv1.PublishVideo{OwnerId: ann, VideoId: id, SourceUri: "upload:1"}
	for test, c := range map[string]struct {
		video    video
		pending  bool
		rejected bool
	}{
		"New":           {video{}, true, false},
		"Begun":         {video{owner: ann, source: "upload:1"}, true, false},
		"Settled":       {video{owner: ann, source: "upload:1", settled: true}, false, false},
		"AnotherSource": {video{owner: ann, source: "upload:2"}, false, false},
		"OtherOwner":    {video{owner: eve, source: "upload:1"}, true, true},
		"OtherSettled":  {video{owner: eve, source: "upload:1", settled: true}, true, true},
	} {
		if got := c.video.pending(m); got != c.pending {
			t.Errorf("%s: pending %v", test, got)
		}
		emits := c.video.reject(m)
		if (len(emits) > 0) != c.rejected {
			t.Errorf("%s: rejected with %v", test, emits)
		}
		if c.rejected {
			failed, _ := only(t, emits).(*videopublishingv1.VideoPublishingFailed)
			if failed.GetCode() != notOwner || failed.GetOwnerId() != ann || failed.GetVideoId() != id {
				t.Errorf("%s: rejected with %v", test, failed)
			}
		}
	}
}

// apply folds an event into the video, like the runtime.
func apply(v video, event proto.Message) video {
	switch e := event.(type) {
	case *videopublishingv1.PublishAttempted:
		return v.publishAttempted(e)
	case *videopublishingv1.PublishAttemptFailed:
		return v.attemptFailed(e)
	case *videopublishingv1.VideoPublished:
		return v.published(e)
	case *videopublishingv1.VideoPublishingFailed:
		return v.failed(e)
	case *videopublishingv1.VideoNamed:
		return v.named(e)
	case *videopublishingv1.VideoDescribed:
		return v.described(e)
	}
	return v
}

func TestVideo_Folds(t *testing.T) {
	t.Parallel()
	begun := &videopublishingv1.PublishAttempted{OwnerId: ann, SourceUri: "upload:1"}
	failed := &videopublishingv1.VideoPublishingFailed{OwnerId: ann, SourceUri: "upload:1"}
	unansweredEvent := &videopublishingv1.PublishAttemptFailed{Code: unreachableSource, Fault: sourceFault}
	unreadableEvent := &videopublishingv1.PublishAttemptFailed{Code: "FAILED", Fault: fileFault}
	ownFault := &videopublishingv1.PublishAttemptFailed{Code: "FAILED"}
	rejected := &videopublishingv1.VideoPublishingFailed{OwnerId: eve, SourceUri: "upload:2"}
	published := &videopublishingv1.VideoPublished{OwnerId: ann, SourceUri: "upload:1"}
	owned := video{owner: ann, source: "upload:1"}
	tried := owned
	tried.failures = map[string]int32{sourceFault: 2, fileFault: 1}
	settled := owned
	settled.settled = true
	named := owned
	named.name, named.description = "New", "Words"
	for test, c := range map[string]struct {
		events []proto.Message
		want   video
	}{
		"Begun":          {[]proto.Message{begun}, owned},
		"Published":      {[]proto.Message{begun, published}, settled},
		"AttemptsFailed": {[]proto.Message{begun, unansweredEvent, begun, begun, ownFault, begun, unansweredEvent, begun, unreadableEvent}, tried},
		"Failed":         {[]proto.Message{begun, failed}, settled},
		"OtherRejected":  {[]proto.Message{begun, rejected}, owned},
		"PublishedThen":  {[]proto.Message{begun, published, rejected}, settled},
		"OriginalSystem": {[]proto.Message{published}, settled},
		"Named": {[]proto.Message{
			begun, &videopublishingv1.VideoNamed{Name: "Old"}, &videopublishingv1.VideoNamed{Name: "New"},
			&videopublishingv1.VideoDescribed{Description: "Words"},
		}, named},
	} {
		var got video
		for _, event := range c.events {
			got = apply(got, event)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", test, got, c.want)
		}
	}
}

func TestStreams_D13(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "undefined", strings.ToUpper(id), "{" + id + "}", strings.ReplaceAll(id, "-", "")} {
		if got := videoStream(&videopublishingv1.NameVideo{VideoId: bad}, components.Cause{}); got != nil {
			t.Errorf("video %q has stream %v", bad, got)
		}
		if got := publishStream(&videopublishingv1.PublishVideo{VideoId: id, OwnerId: bad}, components.Cause{}); got != nil {
			t.Errorf("owner %q publishes to %v", bad, got)
		}
	}
	got := publishStream(&videopublishingv1.PublishVideo{VideoId: id, OwnerId: ann}, components.Cause{})
	if len(got) != 1 || got[0] != "videoPublishing-"+id {
		t.Errorf("streams %v", got)
	}
}

// The zero time, which hands an attempt back, is preserved by the event.
func TestAttempted_HandedBack(t *testing.T) {
	t.Parallel()
	m := &videopublishingv1.PublishVideo{OwnerId: ann, VideoId: id, SourceUri: "upload:1"}
	if !attempted(m, 1, time.Time{}).GetUntil().AsTime().IsZero() {
		t.Error("the zero time has become another time")
	}
	now := time.Now()
	event := attempted(m, 3, now)
	if !proto.Equal(event, &videopublishingv1.PublishAttempted{VideoId: id, Attempt: 3, Until: timestamppb.New(now), OwnerId: ann, SourceUri: "upload:1"}) {
		t.Errorf("attempted %v", event)
	}
}
