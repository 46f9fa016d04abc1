package videopublishing

import (
	"context"
	"syscall"
	"testing"

	"videotutorials/components"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// TestVideo_NotPublished gives up on a source, and on a file, after as many
// attempts as have failed for it, however many were lost for other reasons, and in
// any case after the last.
func TestVideo_NotPublished(t *testing.T) {
	t.Parallel()
	m := &videopublishingv1.PublishVideo{OwnerId: ann, VideoId: id, SourceUri: "upload:1"}
	away, damaged := unanswered(nil, "away"), unreadable(nil, "damaged")
	for test, c := range map[string]struct {
		before      map[string]int32
		last        bool
		err         error
		final       bool
		code, fault string
	}{
		"Refused":        {nil, false, refuse(notAVideo, nil, "text"), true, notAVideo, ""},
		"AwayFirst":      {nil, false, away, false, unreachableSource, sourceFault},
		"AwayThird":      {map[string]int32{sourceFault: 2, fileFault: 1, timeoutFault: 1}, false, away, false, unreachableSource, sourceFault},
		"AwayFourth":     {map[string]int32{sourceFault: 3}, false, away, true, unreachableSource, ""},
		"AwayLast":       {nil, true, away, true, unreachableSource, ""},
		"DamagedFirst":   {map[string]int32{sourceFault: 3, timeoutFault: 1}, false, damaged, false, failed, fileFault},
		"DamagedSecond":  {map[string]int32{fileFault: 1}, false, damaged, true, failed, ""},
		"LateFirst":      {map[string]int32{fileFault: 1}, false, context.DeadlineExceeded, false, failed, timeoutFault},
		"LateSecond":     {map[string]int32{timeoutFault: 1}, false, context.DeadlineExceeded, true, failed, ""},
		"OurFault":       {map[string]int32{sourceFault: 3, fileFault: 1, timeoutFault: 1}, false, syscall.ENOSPC, false, failed, ""},
		"OurFaultLast":   {nil, true, syscall.ENOSPC, true, failed, ""},
		"NothingHeardOf": {nil, true, components.ErrNoResult, true, failed, ""},
	} {
		v := video{owner: ann, source: m.GetSourceUri(), failures: c.before}
		switch event := only(t, v.publishFailed(m, 9, c.last, c.err)).(type) {
		case *videopublishingv1.PublishAttemptFailed:
			if c.final || event.GetCode() != c.code || event.GetFault() != c.fault || event.GetReason() == "" || event.GetAttempt() != 9 {
				t.Errorf("%s: another attempt follows %v", test, event)
			}
		case *videopublishingv1.VideoPublishingFailed:
			if !c.final || event.GetCode() != c.code || event.GetReason() == "" {
				t.Errorf("%s: %v is final", test, event)
			}
		default:
			t.Errorf("%s: %v", test, event)
		}
	}
}
