package videopublishing

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// connectTimeout bounds a connection to one address.
const connectTimeout = 10 * time.Second

// An addressError is returned by a dialer for an address that is not public.
type addressError struct {
	address netip.Addr
}

func (e *addressError) Error() string { return fmt.Sprintf("%s is no public address", e.address) }

// dialer returns one that connects to public addresses only. It looks at the
// address that a name was resolved to when it connects to it: a name that is
// looked at before may be resolved to another address later.
func dialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: connectTimeout}
	if !allowPrivate {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if !public(to.Addr()) {
				return &addressError{to.Addr()}
			}
			return nil
		}
	}
	return d
}

var (
	// unicast is all of IPv6 that is routed.
	unicast = netip.MustParsePrefix("2000::/3")
	// nat64 and sixToFour hold an IPv4 address, from that byte on.
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")

	// special are the blocks of IANA's registries of special-purpose addresses
	// that are not reached from everywhere, or lead to others.
	special = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),       // this network
		netip.MustParsePrefix("10.0.0.0/8"),      // private
		netip.MustParsePrefix("100.64.0.0/10"),   // carriers' NAT
		netip.MustParsePrefix("127.0.0.0/8"),     // loopback
		netip.MustParsePrefix("169.254.0.0/16"),  // link-local
		netip.MustParsePrefix("172.16.0.0/12"),   // private
		netip.MustParsePrefix("192.0.0.0/24"),    // protocols
		netip.MustParsePrefix("192.0.2.0/24"),    // documentation
		netip.MustParsePrefix("192.88.99.0/24"),  // relays of 6to4
		netip.MustParsePrefix("192.168.0.0/16"),  // private
		netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
		netip.MustParsePrefix("198.51.100.0/24"), // documentation
		netip.MustParsePrefix("203.0.113.0/24"),  // documentation
		netip.MustParsePrefix("224.0.0.0/4"),     // multicast
		netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
		netip.MustParsePrefix("2001::/23"),       // protocols, Teredo, benchmarks
		netip.MustParsePrefix("2001:db8::/32"),   // documentation
		netip.MustParsePrefix("3fff::/20"),       // documentation
	}
)

// public reports whether the address is a unicast one that everybody reaches.
func public(address netip.Addr) bool {
	address = address.Unmap()
	if address.Zone() != "" {
		return false
	}
	if address.Is6() {
		bytes := address.As16()
		switch {
		case nat64.Contains(address):
			return public(netip.AddrFrom4([4]byte(bytes[12:16])))
		case sixToFour.Contains(address):
			return public(netip.AddrFrom4([4]byte(bytes[2:6])))
		case !unicast.Contains(address):
			return false
		}
	}
	for _, block := range special {
		if block.Contains(address) {
			return false
		}
	}
	return address.IsValid()
}
