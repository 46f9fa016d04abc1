package components

import (
	"errors"
	"testing"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
)

func TestParseGroup(t *testing.T) {
	t.Parallel()
	if g, err := parseGroup(""); g != nil || err != nil {
		t.Errorf("none: %v, %v", g, err)
	}
	for text, want := range map[string]messagestore.ConsumerGroup{"0-of-1": {Size: 1}, "2-of-3": {Member: 2, Size: 3}} {
		if g, err := parseGroup(text); err != nil || *g != want {
			t.Errorf("%s: %v, %v", text, g, err)
		}
	}
	for _, text := range []string{"1", "2-of-2", "-1-of-2", "0-of-0", "0-of-2 ", "00-of-2", "0 of 2", "a-of-b"} {
		var usage *service.UsageError
		if g, err := parseGroup(text); !errors.As(err, &usage) {
			t.Errorf("%q: %v, %v, want a *service.UsageError", text, g, err)
		}
	}
}
