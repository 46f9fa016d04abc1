package consumer

import (
	"testing"
	"time"

	"videotutorials/messagestore"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(position int64) messagestore.Place { return messagestore.Place{Position: position, ID: "m"} }

// TestCheckpoint_Due takes the steps at the epoch and checks due some time later.
func TestCheckpoint_Due(t *testing.T) {
	handle := func(n int) func(*checkpoint) {
		return func(c *checkpoint) {
			for range n {
				c.handle(at(c.current.Position+1), epoch)
			}
		}
	}
	skip := func(n int64) func(*checkpoint) {
		return func(c *checkpoint) { c.skip(at(c.current.Position + n)) }
	}
	fail := func(c *checkpoint) { c.fail(epoch) }
	save := func(c *checkpoint) { c.save(c.current) }
	ahead := func(c *checkpoint) { c.saved = at(1_000_000) } // another instance

	for _, test := range []struct {
		name        string
		steps       []func(*checkpoint)
		after       time.Duration
		due, atStop bool
	}{
		{"Nothing", nil, time.Hour, false, false},
		{"OneHandled", []func(*checkpoint){handle(1)}, 0, false, true},
		{"OneHandledJustBefore", []func(*checkpoint){handle(1)}, 5*time.Second - 1, false, true},
		{"OneHandledSince", []func(*checkpoint){handle(1)}, 5 * time.Second, true, true},
		{"99Handled", []func(*checkpoint){handle(99)}, 0, false, true},
		{"100Handled", []func(*checkpoint){handle(100)}, 0, true, true},
		{"Saved", []func(*checkpoint){handle(100), save}, time.Hour, false, false},
		{"99HandledAfterSaved", []func(*checkpoint){handle(100), save, handle(99)}, 0, false, true},
		{"9999Skipped", []func(*checkpoint){skip(9_999)}, time.Hour, false, false},
		{"10000Skipped", []func(*checkpoint){skip(9_999), skip(1)}, 0, true, false},
		{"SkippedAfterHandled", []func(*checkpoint){handle(1), skip(9_998)}, 0, false, true},
		{"HandledCountsAmongSkipped", []func(*checkpoint){handle(1), skip(9_999)}, 0, true, true},
		{"FailedJustNow", []func(*checkpoint){handle(100), fail, handle(100)}, 5*time.Second - 1, false, true},
		{"FailedLongAgo", []func(*checkpoint){handle(100), fail}, 5 * time.Second, true, true},
		{"SavedAfterFailed", []func(*checkpoint){handle(100), fail, save, handle(100)}, 0, true, true},
		{"AnotherInstanceAhead", []func(*checkpoint){handle(100), ahead}, time.Hour, false, false},
		{"Restarted", []func(*checkpoint){handle(100), (*checkpoint).restart}, time.Hour, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := checkpoint{limits: defaultLimits}
			for _, step := range test.steps {
				step(&c)
			}
			if got := c.due(epoch.Add(test.after)); got != test.due {
				t.Errorf("due = %v, want %v", got, test.due)
			}
			if got := c.dueAtStop(); got != test.atStop {
				t.Errorf("due at stop = %v, want %v", got, test.atStop)
			}
		})
	}
}
