package rpc

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// exclusion is how long a server that has not answered gets no calls. Afterwards
// it needs a new connection and a passed health check before it gets one.
const exclusion = 10 * time.Second

// servers are the servers of a client: those that the resolver found, without
// those that have not answered lately. The connection of a stopped server, or of
// one behind a broken network, stays up until keepalive closes it 15 s later;
// calls must not wait for that.
type servers struct {
	resolver.Builder

	updating sync.Mutex // held while gRPC takes an update; acquired before mu

	mu       sync.Mutex
	conn     resolver.ClientConn
	found    resolver.State
	dialed   map[string]string    // the remote address of a connection → the address that was dialed
	lastSeen map[string]time.Time // by the remote address of a connection, its last answer
	excluded map[string]bool      // by the address that was found
}

// findServers returns the servers at an address: a host and a port, or several
// with commas between them. The target is for gRPC to dial.
func findServers(addr string) (s *servers, target string, err error) {
	s = &servers{dialed: map[string]string{}, lastSeen: map[string]time.Time{}, excluded: map[string]bool{}}
	if !strings.Contains(addr, ",") {
		s.Builder = resolver.Get("dns")
		return s, addr, nil
	}
	var list resolver.State
	for one := range strings.SplitSeq(addr, ",") {
		one = strings.TrimSpace(one)
		host, port, err := net.SplitHostPort(one)
		if err != nil || host == "" || port == "" {
			return nil, "", fmt.Errorf("%q is not a host and a port", one)
		}
		list.Endpoints = append(list.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: one, ServerName: host}}})
	}
	builder := manual.NewBuilderWithScheme("list")
	builder.InitialState(list)
	s.Builder, s.found = builder, list
	return s, "list:///messagestore", nil
}

// Build implements resolver.Builder.
func (s *servers) Build(target resolver.Target, conn resolver.ClientConn, o resolver.BuildOptions) (resolver.Resolver, error) {
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	return s.Builder.Build(target, filteredConn{conn, s}, o)
}

// A filteredConn passes on what a resolver finds, without the excluded servers.
type filteredConn struct {
	resolver.ClientConn
	servers *servers
}

// UpdateState implements resolver.ClientConn.
func (f filteredConn) UpdateState(found resolver.State) error {
	if found.Endpoints == nil {
		for _, a := range found.Addresses {
			found.Endpoints = append(found.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{a}})
		}
	}
	return f.servers.update(func() (changed bool) {
		f.servers.found = found
		return true
	})
}

// several reports whether there is more than one server.
func (s *servers) several() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.found.Endpoints) > 1
}

// answered records an answer of the server of a connection.
func (s *servers) answered(remote net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastSeen[remote.String()] = time.Now()
}

// exclude excludes the server of a connection that has not answered a call made at
// since, unless it has answered another one after that: then it is slow, and the
// next server may be as slow. On return gRPC picks the server no more.
func (s *servers) exclude(remote net.Addr, since time.Time) {
	// gRPC retries a failed update by itself.
	_ = s.update(func() (changed bool) {
		addr := remote.String()
		if s.lastSeen[addr].After(since) || len(s.found.Endpoints) < 2 {
			return false
		}
		if found, ok := s.dialed[addr]; ok {
			addr = found
		}
		if s.excluded[addr] {
			return false
		}
		s.excluded[addr] = true
		time.AfterFunc(exclusion, func() {
			_ = s.update(func() (changed bool) {
				delete(s.excluded, addr)
				return true
			})
		})
		return true
	})
}

// update runs change with mu held, and gives gRPC the servers if they changed.
func (s *servers) update(change func() (changed bool)) error {
	s.updating.Lock()
	defer s.updating.Unlock()
	s.mu.Lock()
	changed := change()
	conn, state := s.conn, s.included()
	s.mu.Unlock()
	if !changed {
		return nil
	}
	return conn.UpdateState(state)
}

// included returns the servers without the excluded ones, or all of them if none
// would be left: then the fault is not theirs.
func (s *servers) included() resolver.State {
	included := s.found
	included.Addresses, included.Endpoints = nil, nil
	for _, e := range s.found.Endpoints {
		if !s.excluded[e.Addresses[0].Addr] {
			included.Endpoints = append(included.Endpoints, e)
		}
	}
	if len(included.Endpoints) == 0 {
		included.Endpoints = s.found.Endpoints
	}
	return included
}

// dial connects to a server of a list, and records its address there: that may
// have a name, where the connection has an IP address.
func (s *servers) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialed[conn.RemoteAddr().String()] = addr
	return conn, nil
}
