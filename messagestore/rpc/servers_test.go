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

// A fleet is several servers, by the hosts of their addresses, in memory.
type fleet map[string]*member

// A member is a server that its test can stop, as SIGSTOP does: connections stay,
// new ones are made, and nothing comes out of them.
type member struct {
	*wire
	health  patient
	calls   atomic.Int64
	stopped *valve
}

func newFleet(answer func(context.Context) error, hosts ...string) fleet {
	f := fleet{}
	for _, host := range hosts {
		m := &member{stopped: newValve()}
		m.wire = serve(script{
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

func atOnce(context.Context) error { return nil }

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
		return &valved{Conn: conn, addr: addr, valve: f[host].stopped, closed: make(chan struct{})}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (f fleet) close(t *testing.T, client *Client) {
	t.Helper()
	for _, m := range f {
		m.stopped.open()
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	for _, m := range f {
		m.close(t)
	}
}

// A valve lets the bytes of connections through, or not.
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

// A valved connection says what it was dialled by, as one over TCP does.
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

// TestClient_Several: calls go round the servers that are healthy.
func TestClient_Several(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(atOnce, "a", "b", "c")
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
					t.Errorf("%s: %s got %d calls of 60, expected %d", name, host, got, want[host])
				}
			}
		}
		if _, err := client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		round("all", map[string]int64{"a": 20, "b": 20, "c": 20})
		f["b"].health.is(errors.New("ill"))
		time.Sleep(2 * lookEvery)
		round("one ill", map[string]int64{"a": 30, "c": 30})
		f["b"].health.is(nil)
		time.Sleep(2 * lookEvery)
		round("well again", map[string]int64{"a": 20, "b": 20, "c": 20})
		f["a"].stop()
		time.Sleep(2 * lookEvery)
		round("one away", map[string]int64{"b": 30, "c": 30})
		f.close(t, client)
	})
}

// TestClient_Stopped: a server that is stopped costs the calls that it had an
// attempt, and those that come later nothing. When it goes on it has its share
// again.
func TestClient_Stopped(t *testing.T) {
	for name, test := range map[string]struct {
		hosts    []string
		deadline time.Duration // 0: none
		lost     time.Duration // by an attempt
	}{
		"two":   {[]string{"a", "b"}, 0, attemptWithin},
		"three": {[]string{"a", "b", "c"}, time.Minute, attemptWithin},
		"short": {[]string{"a", "b", "c"}, 1500 * time.Millisecond, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(atOnce, test.hosts...)
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
				f["a"].stopped.shut()
				if took := calls(); took != test.lost {
					t.Errorf("calls took %v, expected %v", took, test.lost)
				}
				if took := calls(); took > 0 {
					t.Errorf("calls took %v although the server has been found out", took)
				}
				time.Sleep(2 * leaveOut)
				if took := calls(); took > 0 {
					t.Errorf("calls took %v although the server is stopped yet", took)
				}
				f["a"].stopped.open()
				time.Sleep(2 * leaveOut)
				f["a"].calls.Store(0)
				if calls(); f["a"].calls.Load() == 0 {
					t.Error("the server goes on and gets no calls")
				}
				f.close(t, client)
			})
		})
	}
}

// TestClient_Stopped_Subscribe: a subscription that has found a server silent
// does not come back to it.
func TestClient_Stopped_Subscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(atOnce, "a", "b")
		client := f.dial(t)
		if _, err := client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f["a"].stopped.shut()
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
			t.Errorf("%d subscriptions of 4 met the silence", silences)
		}
		f.close(t, client)
	})
}

// TestClient_Slow: servers that are all slow are not left out, and get no more
// than the attempts; a deadline of the caller is the caller's error.
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
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if n := f["a"].calls.Load() + f["b"].calls.Load(); n != attempts {
			t.Errorf("%d attempts, expected %d", n, attempts)
		}
		f.close(t, client)
	})
}

// TestClient_Exhausted: overload is not answered with more load.
func TestClient_Exhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(func(context.Context) error {
			return &messagestore.ExhaustedError{Reason: "the queue is full", RetryAfter: retryAfter}
		}, "a", "b", "c")
		client := f.dial(t)
		_, err := client.Status(t.Context())
		isExhausted(t, err)
		if n := f["a"].calls.Load() + f["b"].calls.Load() + f["c"].calls.Load(); n != 1 {
			t.Errorf("%d calls, expected 1", n)
		}
		f.close(t, client)
	})
}

func TestDial_Malformed(t *testing.T) {
	for _, addr := range []string{"a:1,", ",", "a:1,b", "a:1,:2", "a:1,b:", "a:1,[::1"} {
		if client, err := Dial(addr, nil); err == nil {
			t.Errorf("%q was taken", addr)
			_ = client.Close()
		}
	}
}

// TestDial_Hosts: each server of a list must be what it is called there, a name
// or an IP.
func TestDial_Hosts(t *testing.T) {
	store := script{status: func(context.Context) (messagestore.Status, error) { return messagestore.Status{}, nil }}
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
		ctx, cancel := context.WithTimeout(t.Context(), map[bool]time.Duration{true: answerWithin, false: 300 * time.Millisecond}[good])
		defer cancel()
		client, err := dial(list, config, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", one)
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		if _, err := client.Status(ctx); good != (err == nil) || !good && !strings.Contains(err.Error(), "x509") {
			t.Errorf("%s: %v, expected success %t, or a reason", list, err, good)
		}
	}
}

// TestDial_Names: a server of a list is known by its name there, not by the
// address of its connection.
func TestDial_Names(t *testing.T) {
	store := script{status: func(context.Context) (messagestore.Status, error) { return messagestore.Status{}, nil }}
	addr, dir, _ := secure(t, store)
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	client := dialSecure(t, "localhost:"+port+",nobody.invalid:1", config)
	if _, err := client.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	client.servers.wasSilent(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)), time.Now())
	if _, silent := client.servers.silent["localhost:"+port]; !silent {
		t.Errorf("left out are %v, expected localhost", client.servers.silent)
	}
}
