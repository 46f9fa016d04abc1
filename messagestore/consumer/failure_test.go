package consumer

import (
	"errors"
	"strings"
	"testing"

	"videotutorials/messagestore"
)

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
