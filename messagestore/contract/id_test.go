package contract_test

import (
	"strings"
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

func TestParseUUID(t *testing.T) {
	t.Parallel()
	const canonical = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	for text, want := range map[string]struct{ parsed, canonical bool }{
		canonical:                           {true, true},
		strings.ToUpper(canonical):          {true, false},
		"{" + canonical + "}":               {false, false},
		"urn:uuid:" + canonical:             {false, false},
		"5f0c1d5e8a514e4e9a250c5f3f6f1a2b":  {false, false},
		"":                                  {false, false},
		"undefined":                         {false, false},
		strings.Repeat("x", len(canonical)): {false, false},
	} {
		id, ok := contract.ParseUUID(text)
		if ok != want.parsed || ok && id.String() != canonical || contract.IsUUID(text) != want.canonical {
			t.Errorf("%q: %v, %v, canonical: %v", text, id, ok, contract.IsUUID(text))
		}
	}
}
