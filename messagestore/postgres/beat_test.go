package postgres

import (
	"testing"
	"time"
)

// TestSubscription_Paced: the next batch leaves with the first beat after the last
// one, which is the slow one where many messages come.
func TestSubscription_Paced(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		last, now time.Duration
		messages  int
		want      time.Duration
	}{
		"after a silence":       {0, 7001 * ms, 1, 7005 * ms},
		"many after a silence":  {0, 7001 * ms, 1000, 7005 * ms},
		"on the beat":           {6990 * ms, 7000 * ms, 1, 7005 * ms},
		"some at once":          {7004 * ms, 7005 * ms, 10, 7010 * ms},
		"more":                  {7004 * ms, 7005 * ms, 11, 7050 * ms},
		"more, on the slow one": {7000 * ms, 7050 * ms, 51, 7100 * ms},
		"fewer again":           {7000 * ms, 7050 * ms, 50, 7055 * ms},
	} {
		s := &subscription{store: &Store{begun: begun}, batched: test.last, sent: begun.Add(test.now)}
		s.paced(test.messages)
		if s.next != test.want || s.batched != test.now {
			t.Errorf("%s: the next after %v, expected %v", name, s.next, test.want)
		}
	}
}
