package contract

import "github.com/google/uuid"

// IsUUID reports whether the text is a UUID as the contracts write it: lower case,
// with dashes. There is no entity of "undefined".
func IsUUID(text string) bool {
	parsed, err := uuid.Parse(text)
	return err == nil && parsed.String() == text
}

// NewID returns a new id for a message, a UUID of version 7: it grows with time, so
// a log's newest ids are side by side in its index. Random ones cost a page of it
// each, and that page's copy in the write-ahead log, the more the longer the log.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
