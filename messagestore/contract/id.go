package contract

import "github.com/google/uuid"

// NewID returns a new message id, a UUID of version 7. Such ids grow with time, so
// that the newest ids of a log are adjacent in the index of the database: a random
// id would write a page of its own there.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseUUID parses a UUID of 36 characters, such as
// 5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b, in either case, and reports whether text
// is one. Unlike uuid.Parse it rejects braces, a urn prefix and a form without
// dashes.
func ParseUUID(text string) (id uuid.UUID, ok bool) {
	const length = 36
	if len(text) != length {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

// IsUUID reports whether text is a UUID in canonical form: 36 characters in lower
// case.
func IsUUID(text string) bool {
	id, ok := ParseUUID(text)
	return ok && id.String() == text
}
