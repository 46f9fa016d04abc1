package consumer

import (
	"testing"
	"time"

	"videotutorials/messagestore"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(position int64) messagestore.Place { return messagestore.Place{Position: position, ID: "m"} }

// TestLedger_Due takes the steps at the epoch, and looks some time after it.
func TestLedger_Due(t *testing.T) {
	handle := func(n int) func(*ledger) {
		return func(l *ledger) {
			for range n {
				l.handle(at(l.at.Position+1), epoch)
			}
		}
	}
	skip := func(n int64) func(*ledger) {
		return func(l *ledger) { l.skip(at(l.at.Position + n)) }
	}
	fail := func(l *ledger) { l.fail(epoch) }
	keep := func(l *ledger) { l.keep(l.at) }
	ahead := func(l *ledger) { l.saved = at(1_000_000) } // another instance

	for _, test := range []struct {
		name        string
		steps       []func(*ledger)
		after       time.Duration
		due, atStop bool
	}{
		{"Nothing", nil, time.Hour, false, false},
		{"OneHandled", []func(*ledger){handle(1)}, 0, false, true},
		{"OneHandledJustBefore", []func(*ledger){handle(1)}, 5*time.Second - 1, false, true},
		{"OneHandledSince", []func(*ledger){handle(1)}, 5 * time.Second, true, true},
		{"99Handled", []func(*ledger){handle(99)}, 0, false, true},
		{"100Handled", []func(*ledger){handle(100)}, 0, true, true},
		{"Kept", []func(*ledger){handle(100), keep}, time.Hour, false, false},
		{"99HandledAfterKept", []func(*ledger){handle(100), keep, handle(99)}, 0, false, true},
		{"9999Skipped", []func(*ledger){skip(9_999)}, time.Hour, false, false},
		{"10000Skipped", []func(*ledger){skip(9_999), skip(1)}, 0, true, false},
		{"SkippedAfterHandled", []func(*ledger){handle(1), skip(9_998)}, 0, false, true},
		{"HandledCountsAmongSkipped", []func(*ledger){handle(1), skip(9_999)}, 0, true, true},
		{"FailedJustNow", []func(*ledger){handle(100), fail, handle(100)}, 5*time.Second - 1, false, true},
		{"FailedLongAgo", []func(*ledger){handle(100), fail}, 5 * time.Second, true, true},
		{"KeptAfterFailed", []func(*ledger){handle(100), fail, keep, handle(100)}, 0, true, true},
		{"AnotherInstanceAhead", []func(*ledger){handle(100), ahead}, time.Hour, false, false},
		{"Restarted", []func(*ledger){handle(100), (*ledger).restart}, time.Hour, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := ledger{limits: defaultLimits}
			for _, step := range test.steps {
				step(&l)
			}
			if got := l.due(epoch.Add(test.after)); got != test.due {
				t.Errorf("due = %v, want %v", got, test.due)
			}
			if got := l.dueAtStop(); got != test.atStop {
				t.Errorf("due at stop = %v, want %v", got, test.atStop)
			}
		})
	}
}
