package application

import (
	"regexp"
	"strings"

	identityv1 "videotutorials/proto/identity/v1"
)

// address matches e-mail addresses: the dot-atom of RFC 5322 before the @, and a
// domain of at least two labels. Quoted names, addresses in brackets and letters
// beyond ASCII are not supported: they are rare, and not every mail server accepts
// them.
var address = regexp.MustCompile(
	"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*" +
		`@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// The bounds of RFC 5321, in bytes.
const (
	maxAddress   = 254
	maxLocalPart = 64
)

// parseEmail returns the address as it is stored, trimmed and in lower case: a user
// who registered as Ann@Example.com can log in as ann@example.com. It returns false
// for a malformed address.
func parseEmail(text string) (string, bool) {
	email := identityv1.NormalizeEmail(text)
	if len(email) > maxAddress || strings.IndexByte(email, '@') > maxLocalPart {
		return "", false
	}
	return email, address.MatchString(email)
}
