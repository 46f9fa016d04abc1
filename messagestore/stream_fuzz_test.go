package messagestore_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"videotutorials/messagestore"
)

// FuzzStream holds the grammar of names to what it promises of each name that it
// lets through.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{"a-1", "a", "-", "a-", "-1", "a:command-1", "ä-\x00", "a-\u0085", "a--", strings.Repeat("a", 254) + "-1", "ownership-" + strings.Repeat("a", 255), "\xff-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s := messagestore.Stream(name)
		if s.Check() != nil {
			return
		}
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) || s.ID() == "" || len(name) > 265 ||
			s != s.Category().Stream(s.ID()) || !strings.HasPrefix(s.ID(), s.CardinalID()) {
			t.Errorf("%q is let through: category %q, id %q", name, s.Category(), s.ID())
		}
		if err := s.Category().Check(); err != nil {
			t.Errorf("%q has category %q: %v", name, s.Category(), err)
		}
	})
}
