package contract

import "github.com/google/uuid"

// IsUUID reports whether the text is a UUID as the contracts write it: lower case,
// with dashes. There is no entity of "undefined".
func IsUUID(text string) bool {
	parsed, err := uuid.Parse(text)
	return err == nil && parsed.String() == text
}
