package application

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// forwarded is the metadata in which the gateway says whom it calls for.
const forwarded = "x-forwarded-for"

// peerOf returns where a call comes from: an IPv4 address, or the /64 of an IPv6
// address, all of which is one customer's. Users behind one proxy are one peer.
func peerOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		// The gateway calls through memory. The last address is the one that it
		// saw itself; anybody could have sent those before it.
		md, _ := metadata.FromIncomingContext(ctx)
		all := strings.Split(strings.Join(md.Get(forwarded), ","), ",")
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
