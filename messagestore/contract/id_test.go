package contract_test

import (
	"testing"

	"github.com/google/uuid"

	"videotutorials/messagestore/contract"
)

// TestNewID makes ids faster than the clock ticks: each grows.
func TestNewID(t *testing.T) {
	t.Parallel()
	last := ""
	for range 10_000 {
		id := contract.NewID()
		if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id || parsed.Version() != 7 {
			t.Fatalf("%q is no UUID of version 7 in its canonical form: %v", id, err)
		}
		if id <= last {
			t.Fatalf("%s came after %s", id, last)
		}
		last = id
	}
}
