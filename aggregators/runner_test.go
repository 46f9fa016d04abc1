package aggregators_test

import (
	"log/slog"
	"testing"

	"videotutorials/aggregators"
)

func TestNew_OneID(t *testing.T) {
	t.Parallel()
	a := aggregators.Aggregator{ID: "aggregators:video-comments", Handlers: aggregators.Handlers{aggregators.On(insert)}}
	_, err := aggregators.New(nil, nil, nil, slog.New(slog.DiscardHandler), a, a)
	if err == nil || err.Error() != "two aggregators have the ID aggregators:video-comments" {
		t.Errorf("got %v, want that two have one ID", err)
	}
}
