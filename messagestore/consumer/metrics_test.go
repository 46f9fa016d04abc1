package consumer

import (
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
