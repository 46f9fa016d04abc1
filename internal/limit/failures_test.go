package limit

import (
	"fmt"
	"testing"
	"time"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	f, now := NewFailures(2, time.Minute, 3), time.Unix(0, 0)
	lockedFor := func(key string, want time.Duration) {
		t.Helper()
		if got := f.LockedFor(key, now); got != want {
			t.Errorf("%s is locked out for %v, want %v", key, got, want)
		}
	}
	f.Add("a", now)
	lockedFor("a", 0)
	now = now.Add(20 * time.Second)
	f.Add("a", now)
	lockedFor("a", time.Minute)
	lockedFor("b", 0)
	now = now.Add(time.Second)
	f.Add("a", now) // a concurrent attempt does not prolong the lock
	lockedFor("a", 59*time.Second)
	now = now.Add(59*time.Second - 1)
	lockedFor("a", 1)
	now = now.Add(1)
	lockedFor("a", 0)
	if len(f.byKey) != 0 || f.records.Len() != 0 {
		t.Errorf("%d keys are remembered after their window", len(f.byKey))
	}

	f.Add("a", now)
	f.Add("a", now)
	f.Reset("a")
	lockedFor("a", 0)
	f.Reset("unknown")
}

func TestFailures_Room(t *testing.T) {
	t.Parallel()
	f, now := NewFailures(1, time.Minute, 3), time.Unix(0, 0)
	for i := range 100 {
		f.Add(fmt.Sprint(i), now)
		if len(f.byKey) != min(i+1, 3) || f.records.Len() != len(f.byKey) {
			t.Fatalf("%d keys and %d records after %d failures", len(f.byKey), f.records.Len(), i+1)
		}
	}
	for i, want := range map[int]time.Duration{96: 0, 97: time.Minute, 98: time.Minute, 99: time.Minute} {
		if got := f.LockedFor(fmt.Sprint(i), now); got != want {
			t.Errorf("%d is locked out for %v, want %v", i, got, want)
		}
	}
}
