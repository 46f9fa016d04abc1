package call

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Peer returns the address that a call comes from: an IPv4 address, or the /64 of
// an IPv6 address, which one customer has entirely. It is "" if unknown. Users
// behind one proxy are one peer.
func Peer(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		// The gateway's calls come from inside the process. It has appended the
		// address that it saw; those before it can be forged.
		md, _ := metadata.FromIncomingContext(ctx)
		all := strings.Split(strings.Join(md.Get("x-forwarded-for"), ","), ",")
		host = strings.TrimSpace(all[len(all)-1])
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
