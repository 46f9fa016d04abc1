package messagestore

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds stream names and message types, in bytes: they are part of every
// index, whose entries Postgres limits to a third of a page.
const maxName = 255

// A Stream is the name of a stream: its category, a dash and its id, such as
// `viewing-7f1c2d`. The id may contain dashes, the category may not.
type Stream string

// Category returns the part before the first dash, or "" if there is no dash.
func (s Stream) Category() Category {
	category, _, ok := strings.Cut(string(s), "-")
	if !ok {
		return ""
	}
	return Category(category)
}

// ID returns the part after the first dash.
func (s Stream) ID() string {
	_, id, _ := strings.Cut(string(s), "-")
	return id
}

// CardinalID returns the id up to its first `+`. Streams with the same cardinal id
// belong to the same member of a consumer group.
func (s Stream) CardinalID() string {
	id, _, _ := strings.Cut(s.ID(), "+")
	return id
}

// Check returns nil if s is a valid stream name: at most 255 bytes of UTF-8
// without control characters, with a category, a dash and an id. The name of an
// ownership stream may be longer by its own category and the dash, since its id is
// a category.
func (s Stream) Check() error {
	limit := maxName
	if s.Category() == OwnershipCategory {
		limit += len(OwnershipCategory) + 1
	}
	if err := checkText(string(s), limit); err != nil {
		return err
	}
	if s.Category() == "" || s.ID() == "" {
		return fmt.Errorf("%q is not category-id", string(s))
	}
	return nil
}

// A Category is the name of a set of streams, such as `viewing`. `identity` and
// `identity:command` are different categories.
type Category string

// Stream returns the stream with the id in the category.
func (c Category) Stream(id string) Stream {
	return Stream(string(c) + "-" + id)
}

// Check returns nil if c is a valid category name: 1 to 255 bytes of UTF-8 without
// dashes and control characters.
func (c Category) Check() error {
	if err := checkText(string(c), maxName); err != nil {
		return err
	}
	if strings.Contains(string(c), "-") {
		return fmt.Errorf("%q has a dash, a category has none", string(c))
	}
	return nil
}

// CheckType returns nil if t is a valid message type: 1 to 255 bytes of UTF-8
// without control characters.
func CheckType(t string) error { return checkText(t, maxName) }

func checkText(s string, limit int) error {
	switch {
	case s == "":
		return errors.New("is required")
	case len(s) > limit:
		return fmt.Errorf("has %d bytes, at most %d are allowed", len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%q has a control character", s)
	}
	return nil
}
