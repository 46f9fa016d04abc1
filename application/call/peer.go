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
	var host string
	if p, ok := peer.FromContext(ctx); ok {
		host, _, _ = net.SplitHostPort(p.Addr.String())
	} else {
		// A call of the gateway, which has appended the address of its own peer. The
		// addresses before it can be forged.
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
