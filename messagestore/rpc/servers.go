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

// leaveOut is how long a server that was silent gets no calls. After that it has
// to make a new connection and say that it is healthy before it gets one.
const leaveOut = 10 * time.Second

// servers are what a client's calls go round: what its resolver finds, without
// those that were silent. A server that is stopped, or behind a network that
// swallows bytes, keeps its connection until keep-alive ends it, 15 s later; no
// call should wait for that.
type servers struct {
	resolver.Builder // finds them

	telling sync.Mutex // is held while gRPC is told, and before mu

	mu     sync.Mutex
	conn   resolver.ClientConn
	found  resolver.State
	dialed map[string]string    // by the address of a connection, what was found
	heard  map[string]time.Time // by address of a connection, when it last answered
	silent map[string]time.Time // by what was found, until when it is left out
}

// findServers returns the servers at an address: a name with a port, or several
// with commas between them. The target is what gRPC dials.
func findServers(addr string) (s *servers, target string, err error) {
	s = &servers{dialed: map[string]string{}, heard: map[string]time.Time{}, silent: map[string]time.Time{}}
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

// Build is resolver.Builder's.
func (s *servers) Build(target resolver.Target, conn resolver.ClientConn, o resolver.BuildOptions) (resolver.Resolver, error) {
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	return s.Builder.Build(target, filtered{conn, s}, o)
}

// filtered is a ClientConn that is not told of silent servers.
type filtered struct {
	resolver.ClientConn
	servers *servers
}

func (f filtered) UpdateState(found resolver.State) error {
	if found.Endpoints == nil {
		for _, a := range found.Addresses {
			found.Endpoints = append(found.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{a}})
		}
	}
	f.servers.mu.Lock()
	f.servers.found = found
	f.servers.mu.Unlock()
	f.servers.telling.Lock()
	defer f.servers.telling.Unlock()
	return f.servers.tell()
}

// several reports whether there is another server to try.
func (s *servers) several() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.found.Endpoints) > 1
}

// answered notes that the server of a connection lives.
func (s *servers) answered(remote net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[remote.String()] = time.Now()
}

// wasSilent leaves out the server of a connection, unless it has answered another
// call since: then it is slow, which the next one might be, too.
func (s *servers) wasSilent(remote net.Addr, since time.Time) {
	// All whose call was lost wait until gRPC knows, or they would come back to
	// the same server.
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.exclude(remote.String(), since) {
		time.AfterFunc(leaveOut, s.forgive)
		_ = s.tell() // its error asks the resolver to look again, which gRPC does by itself
	}
}

// exclude reports whether there is something new to tell.
func (s *servers) exclude(addr string, since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard[addr].After(since) || len(s.found.Endpoints) < 2 {
		return false
	}
	if found, ok := s.dialed[addr]; ok {
		addr = found
	}
	if _, known := s.silent[addr]; known {
		return false
	}
	s.silent[addr] = time.Now().Add(leaveOut)
	return true
}

func (s *servers) forgive() {
	s.mu.Lock()
	for addr, until := range s.silent {
		if !time.Now().Before(until) {
			delete(s.silent, addr)
		}
	}
	s.mu.Unlock()
	s.telling.Lock()
	defer s.telling.Unlock()
	_ = s.tell()
}

// tell tells gRPC which servers there are, with telling held.
func (s *servers) tell() error {
	conn, state := s.left()
	return conn.UpdateState(state)
}

// left returns what was found without the silent ones. Where all are silent, none
// is left out: it is not the servers then.
func (s *servers) left() (resolver.ClientConn, resolver.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.found
	left.Addresses, left.Endpoints = nil, nil
	for _, e := range s.found.Endpoints {
		if _, silent := s.silent[e.Addresses[0].Addr]; !silent {
			left.Endpoints = append(left.Endpoints, e)
		}
	}
	if len(left.Endpoints) == 0 {
		left.Endpoints = s.found.Endpoints
	}
	return s.conn, left
}

// dial makes a connection and remembers whose it is: a list may have names.
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
