package consumer

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

func TestMetrics_LagAndAge(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	registry := prometheus.NewRegistry()
	metrics := NewMetrics(registry, store)
	view(t, store, 1, 5)
	metrics.moved("test", messagestore.Place{Position: 2})
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP consumer_lag_messages Messages between the position and the head of the log.
		# TYPE consumer_lag_messages gauge
		consumer_lag_messages{consumer="test"} 3
	`), "consumer_lag_messages")
	if err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "consumer_position_age_seconds"); n != 1 || err != nil {
		t.Errorf("%d ages, %v, want 1", n, err)
	}
	heard := metrics.confirmed["test"]
	metrics.placed("test", messagestore.Place{Position: 2})
	if metrics.confirmed["test"] != heard {
		t.Error("subscribing again confirms the position")
	}
}

// TestProtect_Panic has the first line of the panic in the text of the error, and the
// whole value and the stack in the log.
func TestProtect_Panic(t *testing.T) {
	t.Parallel()
	err := &MessageError{
		messagestore.Message{Type: "VideoViewed", Stream: "viewing-v", GlobalPosition: 7},
		Protect(func() error { panic("no room\nin the house") }),
	}
	if got, want := err.Error(), "VideoViewed 7 in viewing-v: panic: no room"; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
	logged := err.LogValue().String()
	for _, part := range []string{err.Error(), "in the house", "TestProtect_Panic"} {
		if !strings.Contains(logged, part) {
			t.Errorf("%q lacks %q", logged, part)
		}
	}
	err.Cause = errors.New("no reason")
	if got := err.LogValue().String(); got != err.Error() {
		t.Errorf("logged %q, want %q", got, err)
	}
}
