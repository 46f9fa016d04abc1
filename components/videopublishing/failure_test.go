package videopublishing

import (
	"context"
	"syscall"
	"testing"

	"videotutorials/components"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// A failure is final after a number of attempts with the same fault, however many others
// there were, and after the last attempt.
func TestVideo_PublishFailed(t *testing.T) {
	t.Parallel()
	m := &videopublishingv1.PublishVideo{OwnerId: ann, VideoId: id, SourceUri: "upload:1"}
	silent, damaged := unanswered(nil, "silent"), unreadable(nil, "damaged")
	for test, c := range map[string]struct {
		before      map[string]int32
		last        bool
		err         error
		final       bool
		code, fault string
	}{
		"Refused":       {nil, false, reject(notAVideo, nil, "text"), true, notAVideo, ""},
		"SilentFirst":   {nil, false, silent, false, unreachableSource, sourceFault},
		"SilentThird":   {map[string]int32{sourceFault: 2, fileFault: 1, timeoutFault: 1}, false, silent, false, unreachableSource, sourceFault},
		"SilentFourth":  {map[string]int32{sourceFault: 3}, false, silent, true, unreachableSource, ""},
		"SilentLast":    {nil, true, silent, true, unreachableSource, ""},
		"DamagedFirst":  {map[string]int32{sourceFault: 3, timeoutFault: 1}, false, damaged, false, failed, fileFault},
		"DamagedSecond": {map[string]int32{fileFault: 1}, false, damaged, true, failed, ""},
		"TimeoutFirst":  {map[string]int32{fileFault: 1}, false, context.DeadlineExceeded, false, failed, timeoutFault},
		"TimeoutSecond": {map[string]int32{timeoutFault: 1}, false, context.DeadlineExceeded, true, failed, ""},
		"OwnFault":      {map[string]int32{sourceFault: 3, fileFault: 1, timeoutFault: 1}, false, syscall.ENOSPC, false, failed, ""},
		"OwnFaultLast":  {nil, true, syscall.ENOSPC, true, failed, ""},
		"NoResult":      {nil, true, components.ErrNoResult, true, failed, ""},
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
