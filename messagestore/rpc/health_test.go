package rpc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

// A readiness is the readiness of a Store, set by its test. It counts the polls.
type readiness struct {
	mu    sync.Mutex
	err   error
	hangs bool
	polls int
}

func (p *readiness) ready(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polls++
	if p.hangs {
		p.mu.Unlock()
		<-ctx.Done()
		p.mu.Lock()
		return ctx.Err()
	}
	return p.err
}

// set sets the result of a poll.
func (p *readiness) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.hangs = err, false
}

// hang lets polls hang.
func (p *readiness) hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs = true
}

func (p *readiness) state() (polls int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polls, p.err
}

// checker returns a client of the health service, without checks of its own.
func checker(t *testing.T, w *wire) healthv1.HealthClient {
	t.Helper()
	return healthv1.NewHealthClient(w.plainConn(t))
}

// TestServer_Health checks that the health follows Ready, can be watched, and costs
// one poll a second.
func TestServer_Health(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &readiness{}
		w := connectWith(t, fakeStore{}, ServerOptions{Ready: p.ready}, func(*Server) {})
		client := checker(t, w)
		var changes []healthv1.HealthCheckResponse_ServingStatus
		ended := make(chan error, 1)
		go func() {
			watch, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
			for err == nil {
				var r *healthv1.HealthCheckResponse
				if r, err = watch.Recv(); err == nil {
					changes = append(changes, r.Status)
				}
			}
			ended <- err
		}()
		expect := func(want healthv1.HealthCheckResponse_ServingStatus) {
			t.Helper()
			synctest.Wait()
			for _, service := range []string{"", "messagestore.v1.MessageStoreService"} {
				r, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
				if err != nil || r.Status != want {
					t.Errorf("%q: %v %v, want %v", service, r, err, want)
				}
			}
			if got := testutil.ToFloat64(w.server.health.gauge); (got == 1) != (want == serving) {
				t.Errorf("messagestore_serving is %v, want 1 for SERVING alone", got)
			}
		}
		expect(serving)
		p.set(errors.New("the disk is on fire"))
		time.Sleep(readyPoll)
		expect(notServing)
		time.Sleep(10 * readyPoll)
		expect(notServing)
		p.set(nil)
		time.Sleep(readyPoll)
		expect(serving)
		p.hang()
		time.Sleep(readyPoll + readyTimeout)
		expect(notServing)
		p.set(nil)
		time.Sleep(2 * readyPoll)
		expect(serving)
		if polls, _ := p.state(); polls < 14 || polls > 17 {
			t.Errorf("%d polls in 16 s", polls)
		}
		if log := w.log.String(); strings.Count(log, "the disk is on fire") != 1 || strings.Count(log, "health: serving") != 3 {
			t.Errorf("the log lacks changes of health, or repeats them: %s", log)
		}
		w.close(t)
		if err := <-ended; status.Code(err) != codes.Unavailable {
			t.Errorf("the watch ended with %v, want UNAVAILABLE", err)
		}
		if changes[len(changes)-1] == notServing { // the drain may be seen or not
			changes = changes[:len(changes)-1]
		}
		if changes[0] == notServing { // the health before the first poll
			changes = changes[1:]
		}
		if len(changes) != 5 || changes[1] != notServing || changes[2] != serving || changes[3] != notServing {
			t.Errorf("the watch received %v", changes)
		}
	})
}

// TestServer_Health_Start checks that a server is NOT_SERVING until Ready succeeds.
func TestServer_Health_Start(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &readiness{hangs: true}
		w := connectWith(t, fakeStore{}, ServerOptions{Ready: p.ready}, func(*Server) {})
		r, err := checker(t, w).Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil || r.Status != notServing {
			t.Errorf("%v %v, want NOT_SERVING", r, err)
		}
		w.close(t)
	})
}

// TestServer_Health_Drain checks that a watch does not keep a server from stopping.
func TestServer_Health_Drain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{})
		watch, err := checker(t, w).Watch(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := watch.Recv(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		w.close(t)
		if took := time.Since(begin); took > 0 {
			t.Errorf("the server stopped after %v, want at once", took)
		}
	})
}

// TestClient_Health checks that a client calls a server only while it is SERVING.
func TestClient_Health(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &readiness{err: errors.New("not yet")}
		w := connectWith(t, fakeStore{status: func(context.Context) (messagestore.Status, error) {
			if _, err := p.state(); err != nil {
				t.Error("called while NOT_SERVING")
			}
			return messagestore.Status{}, nil
		}}, ServerOptions{Ready: p.ready}, func(*Server) {})
		begin := time.Now()
		time.AfterFunc(5*time.Second+time.Millisecond, func() { p.set(nil) })
		if _, err := w.Status(t.Context()); err != nil || time.Since(begin) != 5*time.Second+startPoll {
			t.Errorf("%v after %v, want the answer once it is SERVING", err, time.Since(begin))
		}
		w.close(t)
	})
}
