package messagestore

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds stream names and message types, in bytes: they stand in every
// index, whose entries Postgres keeps below a third of a page.
const maxName = 255

// A Stream is the name of a stream: its category, a dash and its id, as
// `viewing-7f1c2d`. The id may contain dashes, the category not.
type Stream string

// Category returns what stands left of the first dash, or "" where there is
// none.
func (s Stream) Category() Category {
	category, _, ok := strings.Cut(string(s), "-")
	if !ok {
		return ""
	}
	return Category(category)
}

// ID returns what stands right of the first dash.
func (s Stream) ID() string {
	_, id, _ := strings.Cut(string(s), "-")
	return id
}

// CardinalID returns the id up to its first `+`: streams with one cardinal id
// are read by one member of a consumer group.
func (s Stream) CardinalID() string {
	id, _, _ := strings.Cut(s.ID(), "+")
	return id
}

// Check returns nil if s is a stream name: at most 255 bytes of UTF-8, a
// non-empty category, a dash, a non-empty id, no control characters. A stream of
// claims may be as much longer as its own category is, since its id is a
// category. Else its error says what is allowed.
func (s Stream) Check() error {
	most := maxName
	if s.Category() == OwnershipCategory {
		most += len(OwnershipCategory) + 1
	}
	if err := checkText(string(s), most); err != nil {
		return err
	}
	if s.Category() == "" || s.ID() == "" {
		return fmt.Errorf("%q is not category-id", string(s))
	}
	return nil
}

// A Category is the name of a set of streams, as `viewing`. It has no dash.
// `identity` and `identity:command` are two categories.
type Category string

// Stream returns the category's stream with that id.
func (c Category) Stream(id string) Stream {
	return Stream(string(c) + "-" + id)
}

// Check returns nil if c is a category name: at most 255 bytes of UTF-8, not
// empty, no dash, no control characters. Else its error says what is allowed.
func (c Category) Check() error {
	if err := checkText(string(c), maxName); err != nil {
		return err
	}
	if strings.Contains(string(c), "-") {
		return fmt.Errorf("%q has a dash, a category has none", string(c))
	}
	return nil
}

// CheckType returns nil if t is a message type: 1 to 255 bytes of UTF-8 without
// control characters. Else its error says what is allowed.
func CheckType(t string) error { return checkText(t, maxName) }

// checkText checks what stream names, categories and types have in common.
func checkText(s string, most int) error {
	switch {
	case s == "":
		return fmt.Errorf("is required")
	case len(s) > most:
		return fmt.Errorf("has %d bytes, at most %d are allowed", len(s), most)
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%q has a control character", s)
	}
	return nil
}
