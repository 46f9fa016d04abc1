package media

import (
	"net/netip"
	"slices"
)

var (
	// unicast is the routed part of IPv6.
	unicast = netip.MustParsePrefix("2000::/3")
	// Addresses in nat64 and sixToFour contain an IPv4 address.
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")

	// special are the blocks of IANA's registries of special-purpose addresses that are
	// not globally reachable, or lead to other addresses.
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

// Public reports whether the address is a unicast address of the public internet. Other
// addresses may be reachable for this process but not for the user who asks it to fetch
// a source. An address that contains an IPv4 address is as public as that one.
func Public(address netip.Addr) bool {
	address = address.Unmap()
	if address.Zone() != "" {
		return false
	}
	if address.Is6() {
		bytes := address.As16()
		switch {
		case nat64.Contains(address):
			return Public(netip.AddrFrom4([4]byte(bytes[12:16])))
		case sixToFour.Contains(address):
			return Public(netip.AddrFrom4([4]byte(bytes[2:6])))
		case !unicast.Contains(address):
			return false
		}
	}
	return address.IsValid() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(address) })
}
