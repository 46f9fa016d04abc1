package postgres

import (
	"testing"
	"time"
)

// TestSubscription_Schedule checks that a batch is due at the first beat after the last
// batch, and that a busy log has the slow beat.
func TestSubscription_Schedule(t *testing.T) {
	t.Parallel()
	started := time.Now()
	const ms = time.Millisecond
	s := &subscription{store: &Store{started: started}}
	for _, step := range []struct {
		what      string
		now, next time.Duration
		messages  int
	}{
		{"after a silence", 7001 * ms, 7005 * ms, 1000},
		{"on the beat", 7005 * ms, 7010 * ms, 5},
		{"many that were delayed", 7045 * ms, 7050 * ms, 60},
		{"busy in the window", 7102 * ms, 7150 * ms, 40},
		{"still busy", 7150 * ms, 7200 * ms, 24},
		{"fewer in the window", 7203 * ms, 7205 * ms, 70},
		{"after another silence", 9000 * ms, 9005 * ms, 500},
	} {
		s.sent = started.Add(step.now)
		if s.schedule(step.messages); s.next != step.next {
			t.Errorf("%s: the next batch is due at %v, want %v", step.what, s.next, step.next)
		}
	}
}
