package videopublishing

import (
	"testing"

	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// TestEffect_Whose: one owner's many videos do not hold up another's.
func TestEffect_Whose(t *testing.T) {
	t.Parallel()
	if whose := (publishing{}).effect(times{}).Whose(&videopublishingv1.PublishVideo{OwnerId: "owner"}); whose != "owner" {
		t.Errorf("a place is of %q, want of the owner", whose)
	}
}
