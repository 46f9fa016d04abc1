package consumer

import (
	"testing"
	"time"

	"videotutorials/internal/test/teststore"
)

// TestFewMessages_D7 handles a single message: its position is saved after an
// interval, and at the stop.
func TestFewMessages_D7(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		interval time.Duration
		stop     bool
	}{"Time": {time.Millisecond, false}, "Stop": {time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			place := view(t, store, 1, 1)[0]
			c, viewed := viewer("test")
			run := start(t, c, store, limits{handled: 100, interval: test.interval, skipped: 1_000_000, timeout: time.Second})
			want(t, viewed, 1, 1)
			if test.stop {
				run.stop()
			} else {
				awaitSaved(t, store)
			}
			if places := saved(t, store); len(places) != 1 || places[0] != place {
				t.Errorf("saved %v, want only %v", places, place)
			}
		})
	}
}
