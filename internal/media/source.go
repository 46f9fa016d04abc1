package media

import "net/netip"

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

// Public reports whether the address is a unicast one of the public internet. What
// is not could be reached by us and not by who asks us to fetch it: a source is
// never fetched from there, unless private sources are allowed. One that holds an
// IPv4 address, and leads there, is as public as that.
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
	for _, block := range special {
		if block.Contains(address) {
			return false
		}
	}
	return address.IsValid()
}
