package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func testBench(t *testing.T, s *testStore) {
	if a := s.run(t, "operator", "", "bench"); a.code != 2 || !strings.Contains(a.said, "-yes") {
		t.Errorf("%+v", a)
	}
	if left := s.do(t, "operator", "read", "$all").out; left != "" {
		t.Errorf("it wrote without -yes: %s", left)
	}
	args := []string{"bench", "-yes", "-duration", "100ms", "-writers", "4", "-streams", "3", "-category", "measured"}
	var got figures
	a := s.do(t, "operator", append(args, "-json")...)
	if err := json.Unmarshal([]byte(a.out), &got); err != nil {
		t.Fatalf("%v: %s", err, a.out)
	}
	if got.Writes == 0 || got.PerSecond == 0 || got.P50 == 0 || got.P50 > got.P99 || got.P99 > got.Max {
		t.Errorf("%+v", got)
	}
	if stored := s.do(t, "operator", "read", "measured").lines(); int64(len(stored)) != got.Writes {
		t.Errorf("%d messages, want %d", len(stored), got.Writes)
	}
	if lines := s.do(t, "operator", args...).lines(); len(lines) != 6 || !strings.HasPrefix(lines[2], "rate    ") {
		t.Errorf("%q", lines)
	}
}

func TestLatencies(t *testing.T) {
	t.Parallel()
	var l, other latencies
	for n := range 1000 {
		if n%2 == 0 {
			l.record(time.Duration(n+1) * time.Millisecond)
		} else {
			other.record(time.Duration(n+1) * time.Millisecond)
		}
	}
	l.add(&other)
	for share, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := l.percentile(share); got < want || got > want*102/100 {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
	if l.count != 1000 || l.max != time.Second {
		t.Errorf("%d calls, at most %v", l.count, l.max)
	}
}
