package application

import (
	"fmt"
	"testing"
	"time"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	f, now := newFailures(2, time.Minute, 3), time.Unix(0, 0)
	wait := func(name string, want time.Duration) {
		t.Helper()
		if got := f.wait(name, now); got != want {
			t.Errorf("wait of %s is %v, want %v", name, got, want)
		}
	}
	wait("a", 0)
	f.add("a", now)
	wait("a", 0)
	now = now.Add(20 * time.Second)
	f.add("a", now)
	wait("a", time.Minute)
	wait("b", 0)
	now = now.Add(time.Second)
	f.add("a", now) // as one more that was on its way
	wait("a", 59*time.Second)
	now = now.Add(59*time.Second - 1)
	wait("a", 1)
	now = now.Add(1)
	wait("a", 0)
	if len(f.names) != 0 || f.windows.Len() != 0 {
		t.Errorf("%d names are known", len(f.names))
	}

	f.add("a", now)
	f.add("a", now)
	f.reset("a")
	wait("a", 0)
	f.reset("nobody")
}

func TestFailures_Room(t *testing.T) {
	t.Parallel()
	f, now := newFailures(1, time.Minute, 3), time.Unix(0, 0)
	for i := range 100 {
		f.add(fmt.Sprint(i), now)
		if len(f.names) != min(i+1, 3) || f.windows.Len() != len(f.names) {
			t.Fatalf("%d names and %d windows after %d", len(f.names), f.windows.Len(), i+1)
		}
	}
	for i, want := range map[int]time.Duration{96: 0, 97: time.Minute, 98: time.Minute, 99: time.Minute} {
		if got := f.wait(fmt.Sprint(i), now); got != want {
			t.Errorf("wait of %d is %v, want %v", i, got, want)
		}
	}
}
