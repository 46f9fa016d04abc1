package application

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"videotutorials/internal/media"
)

// longestSource bounds the address of a source, in bytes.
const longestSource = 2048

// checkAddress says what is wrong with an address that a video is to be fetched
// from, "" if nothing is. A name is not looked up: what it means can change, and
// the component looks when it connects.
func checkAddress(source string, allowPrivate bool) string {
	if len(source) > longestSource {
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(source), longestSource)
	}
	u, err := url.Parse(source)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https"):
		return quote(source) + " is neither upload:<uuid> nor an http or https address"
	case u.Hostname() == "":
		return quote(source) + " has no host"
	case u.User != nil:
		return "an address with a user or a password is not allowed"
	case !goodPort(u.Port()):
		return quote(u.Port()) + " is not a port"
	case !allowPrivate && isPrivate(u.Hostname()):
		return quote(u.Hostname()) + " is not a public address"
	}
	return ""
}

func goodPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// isPrivate reports whether the host is plainly not one of the public internet.
func isPrivate(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return !media.Public(addr)
	}
	// The last part of a name begins with a letter. All else some resolvers take
	// for an address, as 2130706433, 127.1 or 0x7f.1.
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "" || last[0] >= '0' && last[0] <= '9'
}
