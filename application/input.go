package application

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"videotutorials/application/call"
	"videotutorials/internal/media"
	identityv1 "videotutorials/proto/identity/v1"
)

// maxSource bounds the address of a source, in bytes.
const maxSource = 2048

// checkAddress returns what is wrong with the address of a video's source, "" if it
// is valid. It does not look up names: their addresses can change, and the
// component checks the address that it connects to.
func checkAddress(source string, allowPrivate bool) string {
	if len(source) > maxSource {
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(source), maxSource)
	}
	u, err := url.Parse(source)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https"):
		return call.Quote(source) + " is neither upload:<uuid> nor an http or https address"
	case u.Hostname() == "":
		return call.Quote(source) + " has no host"
	case u.User != nil:
		return "an address with a user or a password is not allowed"
	case !validPort(u.Port()):
		return call.Quote(u.Port()) + " is not a port"
	case !allowPrivate && isPrivate(u.Hostname()):
		return call.Quote(u.Hostname()) + " is not a public address"
	}
	return ""
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// isPrivate reports whether the host is certainly not on the public internet.
func isPrivate(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return !media.Public(addr)
	}
	// The last label of a name begins with a letter. Some resolvers take other hosts
	// for addresses, such as 2130706433, 127.1 or 0x7f.1.
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "" || last[0] >= '0' && last[0] <= '9'
}

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

// parseEmail returns the address as it is stored, trimmed and in lower case: after a
// registration as Ann@Example.com a user can log in as ann@example.com. It returns false
// for a malformed address.
func parseEmail(text string) (string, bool) {
	email := identityv1.NormalizeEmail(text)
	if len(email) > maxAddress || strings.IndexByte(email, '@') > maxLocalPart {
		return "", false
	}
	return email, address.MatchString(email)
}
