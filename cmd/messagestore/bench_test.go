package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func testBench(t *testing.T, s *testStore) {
	if a := s.run(t, "operator", "", "bench"); a.code != 2 || !strings.Contains(a.stderr, "-yes") {
		t.Errorf("%+v", a)
	}
	if left := s.mustRun(t, "operator", "read", "$all").stdout; left != "" {
		t.Errorf("bench wrote without -yes: %s", left)
	}
	args := []string{"bench", "-yes", "-duration", "100ms", "-writers", "4", "-streams", "3", "-category", "measured"}
	var got figures
	a := s.mustRun(t, "operator", append(args, "-json")...)
	if err := json.Unmarshal([]byte(a.stdout), &got); err != nil {
		t.Fatalf("%v: %s", err, a.stdout)
	}
	if got.Writes == 0 || got.PerSecond == 0 || got.P50 == 0 || got.P50 > got.P99 || got.P99 > got.Max {
		t.Errorf("%+v", got)
	}
	if stored := s.mustRun(t, "operator", "read", "measured").lines(); len(stored) != got.Writes {
		t.Errorf("%d messages, want %d", len(stored), got.Writes)
	}
	if lines := s.mustRun(t, "operator", args...).lines(); len(lines) != 6 || !strings.HasPrefix(lines[2], "rate    ") {
		t.Errorf("%q", lines)
	}
}

func TestMeasurement_Percentile(t *testing.T) {
	t.Parallel()
	var m measurement
	if got := m.percentile(1); got != 0 {
		t.Errorf("without calls: %v, want 0", got)
	}
	for n := range 1000 {
		m.latencies = append(m.latencies, time.Duration(n+1)*time.Millisecond)
	}
	for share, want := range map[float64]float64{0.001: 1, 0.5: 500, 0.99: 990, 1: 1000} {
		if got := m.percentile(share); got != want {
			t.Errorf("%v: %v ms, want %v", share, got, want)
		}
	}
}
