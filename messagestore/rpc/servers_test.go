package rpc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"videotutorials/internal/certificate"
	"videotutorials/messagestore"
)

// A fleet is several servers in memory, by the host of their address.
type fleet map[string]*member

// A member is a server that its test can pause, as SIGSTOP does: its connections
// stay open, and it sends nothing.
type member struct {
	*wire
	health readiness
	calls  atomic.Int64
	output *valve
}

func newFleet(answer func(context.Context) error, hosts ...string) fleet {
	f := fleet{}
	for _, host := range hosts {
		m := &member{output: newValve()}
		m.wire = serve(fakeStore{
			status: func(ctx context.Context) (messagestore.Status, error) {
				m.calls.Add(1)
				return messagestore.Status{}, answer(ctx)
			},
			subscribe: idle.subscribe,
		}, ServerOptions{Ready: m.health.ready}, func(*Server) {})
		f[host] = m
	}
	return f
}

func immediately(context.Context) error { return nil }

func (f fleet) dial(t *testing.T) *Client {
	t.Helper()
	var addrs []string
	for host := range f {
		addrs = append(addrs, host+":1")
	}
	client, err := dial(strings.Join(addrs, ","), nil, grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
		host, _, _ := strings.Cut(addr, ":")
		conn, err := f[host].listener.DialContext(ctx)
		if err != nil {
			return nil, err
		}
		return &valved{Conn: conn, addr: addr, valve: f[host].output, closed: make(chan struct{})}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (f fleet) close(t *testing.T, client *Client) {
	t.Helper()
	for _, m := range f {
		m.output.open()
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	for _, m := range f {
		m.close(t)
	}
}

// A valve holds back the bytes of connections while it is shut.
type valve struct {
	mu      sync.Mutex
	through chan struct{} // closed while it is open
}

func newValve() *valve {
	v := &valve{through: make(chan struct{})}
	v.open()
	return v
}

func (v *valve) wait() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.through
}

func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.through:
	default:
		close(v.through)
	}
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.through = make(chan struct{})
}

// A valved is a connection behind a valve, with the address that was dialed.
type valved struct {
	net.Conn
	addr   string
	valve  *valve
	once   sync.Once
	closed chan struct{}
}

func (v *valved) Read(p []byte) (int, error) {
	n, err := v.Conn.Read(p)
	select {
	case <-v.valve.wait():
		return n, err
	case <-v.closed:
		return 0, net.ErrClosed
	}
}

func (v *valved) Close() error {
	v.once.Do(func() { close(v.closed) })
	return v.Conn.Close()
}

func (v *valved) RemoteAddr() net.Addr { return address(v.addr) }

type address string

func (address) Network() string  { return "test" }
func (a address) String() string { return string(a) }

// TestClient_Several checks that calls are spread over the healthy servers.
func TestClient_Several(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(immediately, "a", "b", "c")
		client := f.dial(t)
		round := func(name string, want map[string]int64) {
			t.Helper()
			synctest.Wait()
			for _, m := range f {
				m.calls.Store(0)
			}
			for range 60 {
				if _, err := client.Status(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for host, m := range f {
				if got := m.calls.Load(); got != want[host] {
					t.Errorf("%s: server %s got %d of 60 calls, want %d", name, host, got, want[host])
				}
			}
		}
		if _, err := client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		round("all", map[string]int64{"a": 20, "b": 20, "c": 20})
		f["b"].health.set(errors.New("not ready"))
		time.Sleep(2 * readyPoll)
		round("one not serving", map[string]int64{"a": 30, "c": 30})
		f["b"].health.set(nil)
		time.Sleep(2 * readyPoll)
		round("all serving again", map[string]int64{"a": 20, "b": 20, "c": 20})
		f["a"].stop()
		time.Sleep(2 * readyPoll)
		round("one stopped", map[string]int64{"b": 30, "c": 30})
		f.close(t, client)
	})
}

// TestClient_Paused checks that a paused server costs its calls one attempt and
// later calls nothing, and that it gets calls again after it resumes.
func TestClient_Paused(t *testing.T) {
	for name, test := range map[string]struct {
		hosts    []string
		deadline time.Duration // 0: none
		lost     time.Duration // by one attempt
	}{
		"two":   {[]string{"a", "b"}, 0, attemptTimeout},
		"three": {[]string{"a", "b", "c"}, time.Minute, attemptTimeout},
		"short": {[]string{"a", "b", "c"}, 1500 * time.Millisecond, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(immediately, test.hosts...)
				client := f.dial(t)
				calls := func() (slowest time.Duration) {
					var group sync.WaitGroup
					var mu sync.Mutex
					for range 100 {
						group.Go(func() {
							ctx, cancel := t.Context(), func() {}
							if test.deadline > 0 {
								ctx, cancel = context.WithTimeout(ctx, test.deadline)
							}
							defer cancel()
							begin := time.Now()
							if _, err := client.Status(ctx); err != nil {
								t.Errorf("after %v: %v", time.Since(begin), err)
							}
							mu.Lock()
							defer mu.Unlock()
							slowest = max(slowest, time.Since(begin))
						})
					}
					group.Wait()
					return slowest
				}
				calls()
				synctest.Wait()
				f["a"].output.shut()
				if took := calls(); took != test.lost {
					t.Errorf("the slowest call took %v, want %v", took, test.lost)
				}
				if took := calls(); took > 0 {
					t.Errorf("the slowest call took %v while the server is excluded", took)
				}
				time.Sleep(2 * exclusion)
				if took := calls(); took > 0 {
					t.Errorf("the slowest call took %v after the exclusion, while the server is paused", took)
				}
				f["a"].output.open()
				time.Sleep(2 * exclusion)
				f["a"].calls.Store(0)
				if calls(); f["a"].calls.Load() == 0 {
					t.Error("the resumed server gets no calls")
				}
				f.close(t, client)
			})
		})
	}
}

// TestClient_Paused_Subscribe checks that subscriptions avoid a server that was
// silent to one of them.
func TestClient_Paused_Subscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(immediately, "a", "b")
		client := f.dial(t)
		if _, err := client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f["a"].output.shut()
		silences := 0
		for range 4 {
			for event, err := range client.Subscribe(t.Context(), messagestore.Subscription{}) {
				if err != nil {
					isUnavailable(t, err)
					silences++
				}
				if event != nil {
					break
				}
			}
		}
		if silences > 1 {
			t.Errorf("%d of 4 subscriptions used the silent server", silences)
		}
		f.close(t, client)
	})
}

// TestClient_Slow checks that slow servers get no more than maxAttempts, and that
// the caller's deadline is the caller's error.
func TestClient_Slow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, "a", "b")
		client := f.dial(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := client.Status(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 20*time.Second {
			t.Errorf("%v after %v, want DeadlineExceeded after 20 s", err, time.Since(begin))
		}
		if n := f["a"].calls.Load() + f["b"].calls.Load(); n != maxAttempts {
			t.Errorf("%d attempts, want %d", n, maxAttempts)
		}
		f.close(t, client)
	})
}

// TestClient_Exhausted checks that a call rejected by an overloaded server is not
// repeated on another.
func TestClient_Exhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(func(context.Context) error {
			return &messagestore.ExhaustedError{Reason: "the queue is full", RetryAfter: retryAfter}
		}, "a", "b", "c")
		client := f.dial(t)
		_, err := client.Status(t.Context())
		isExhausted(t, err)
		if n := f["a"].calls.Load() + f["b"].calls.Load() + f["c"].calls.Load(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
		f.close(t, client)
	})
}

func TestDial_Malformed(t *testing.T) {
	for _, addr := range []string{"a:1,", ",", "a:1,b", "a:1,:2", "a:1,b:", "a:1,[::1"} {
		if client, err := Dial(addr, nil); err == nil {
			t.Errorf("address %q is accepted", addr)
			_ = client.Close()
		}
	}
}

// TestDial_Hosts checks that each server of a list needs a certificate for its name
// or IP address there.
func TestDial_Hosts(t *testing.T) {
	store := fakeStore{status: func(context.Context) (messagestore.Status, error) { return messagestore.Status{}, nil }}
	one, dir, _ := secure(t, store)
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	for list, good := range map[string]bool{
		"localhost:1, 127.0.0.1:2":        true,
		"example.com:1,127.0.0.1:1":       true,
		"example.com:1,www.example.com:1": false,
		"10.1.1.1:1,10.1.1.2:1":           false,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), map[bool]time.Duration{true: callTimeout, false: 300 * time.Millisecond}[good])
		defer cancel()
		client, err := dial(list, config, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", one)
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		if _, err := client.Status(ctx); good != (err == nil) || !good && !strings.Contains(err.Error(), "x509") {
			t.Errorf("%s: %v, want success %t, or an error of x509", list, err, good)
		}
	}
}

// TestDial_Names checks that a server of a list is excluded by its name there, not by
// the address of its connection.
func TestDial_Names(t *testing.T) {
	store := fakeStore{status: func(context.Context) (messagestore.Status, error) { return messagestore.Status{}, nil }}
	addr, dir, _ := secure(t, store)
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	client := dialSecure(t, "localhost:"+port+",absent.invalid:1", config)
	if _, err := client.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	client.servers.exclude(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)), time.Now())
	if !client.servers.excluded["localhost:"+port] {
		t.Errorf("excluded are %v, want localhost", client.servers.excluded)
	}
}
