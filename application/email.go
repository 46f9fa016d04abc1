package application

import (
	"regexp"
	"strings"

	identityv1 "videotutorials/proto/identity/v1"
)

// address is what an e-mail address looks like: the dot-atom of RFC 5322 before
// the @, and a domain of two labels or more. Quoted names, addresses in brackets
// and letters beyond ASCII are left out: hardly anybody has them, and not every
// mail server takes them.
var address = regexp.MustCompile(
	"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*" +
		`@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// The bounds of RFC 5321, in bytes.
const (
	maxAddress   = 254
	maxLocalPart = 64
)

// parseEmail returns the address as it is stored, trimmed and in lower case: who
// registered as Ann@Example.com logs in as ann@example.com. It says no where the
// text cannot be an address; whether there is such a mailbox, only a mail tells.
func parseEmail(text string) (string, bool) {
	email := identityv1.NormalizeEmail(text)
	if len(email) > maxAddress || strings.IndexByte(email, '@') > maxLocalPart {
		return "", false
	}
	return email, address.MatchString(email)
}
