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
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
)

const (
	green = healthv1.HealthCheckResponse_SERVING
	red   = healthv1.HealthCheckResponse_NOT_SERVING
)

// A patient is a Store's health, which its test sets. It counts who asks.
type patient struct {
	mu    sync.Mutex
	err   error
	hangs bool
	asked int
}

func (p *patient) ready(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.hangs {
		p.mu.Unlock()
		<-ctx.Done()
		p.mu.Lock()
		return ctx.Err()
	}
	return p.err
}

// is makes it well, or ill with the error.
func (p *patient) is(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.hangs = err, false
}

// hang makes it say nothing.
func (p *patient) hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs = true
}

func (p *patient) state() (asked int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked, p.err
}

// checker is a client of the health service that does no checks of its own.
func checker(t *testing.T, w *wire) healthv1.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:test", grpc.WithTransportCredentials(plain()), grpc.WithContextDialer(w.dialer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthv1.NewHealthClient(conn)
}

// TestServer_Health: the status follows the Store, is watched, and costs a
// question a second.
func TestServer_Health(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{}
		w := connectWith(t, script{}, ServerOptions{Ready: p.ready}, func(*Server) {})
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
		is := func(want healthv1.HealthCheckResponse_ServingStatus) {
			t.Helper()
			synctest.Wait()
			for _, service := range []string{"", "messagestore.v1.MessageStoreService"} {
				r, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
				if err != nil || r.Status != want {
					t.Errorf("%q: %v %v, expected %v", service, r, err, want)
				}
			}
			if got := testutil.ToFloat64(w.server.health.serving); (got == 1) != (want == green) {
				t.Errorf("messagestore_serving is %v", got)
			}
		}
		is(green)
		p.is(errors.New("the disk is on fire"))
		time.Sleep(lookEvery)
		is(red)
		time.Sleep(10 * lookEvery)
		is(red)
		p.is(nil)
		time.Sleep(lookEvery)
		is(green)
		p.hang()
		time.Sleep(lookEvery + lookWithin)
		is(red)
		p.is(nil)
		time.Sleep(2 * lookEvery)
		is(green)
		if asked, _ := p.state(); asked < 14 || asked > 17 {
			t.Errorf("asked %d times in 16 s", asked)
		}
		if log := w.log.String(); strings.Count(log, "the disk is on fire") != 1 || strings.Count(log, "health: serving") != 3 {
			t.Errorf("the log does not have each change once, with its reason: %s", log)
		}
		w.close(t)
		if err := <-ended; status.Code(err) != codes.Unavailable {
			t.Errorf("the watch ended with %v, expected UNAVAILABLE", err)
		}
		if changes[len(changes)-1] == red { // the drain may tell, or not
			changes = changes[:len(changes)-1]
		}
		if changes[0] == red { // so it was before the first question
			changes = changes[1:]
		}
		if len(changes) != 5 || changes[1] != red || changes[2] != green || changes[3] != red {
			t.Errorf("the watch saw %v", changes)
		}
	})
}

// TestServer_Health_Start: before the Store was asked, nobody is told that it
// serves.
func TestServer_Health_Start(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{hangs: true}
		w := connectWith(t, script{}, ServerOptions{Ready: p.ready}, func(*Server) {})
		r, err := checker(t, w).Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil || r.Status != red {
			t.Errorf("%v %v, expected NOT_SERVING", r, err)
		}
		w.close(t)
	})
}

// TestServer_Health_Drain: who watches does not hold a server that stops.
func TestServer_Health_Drain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, script{})
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
			t.Errorf("the server stopped after %v", took)
		}
	})
}

// TestClient_Health: a server that is not serving gets no calls, and they go to
// it when it is again.
func TestClient_Health(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{err: errors.New("not yet")}
		w := connectWith(t, script{status: func(context.Context) (messagestore.Status, error) {
			if _, err := p.state(); err != nil {
				t.Error("called while it is not serving")
			}
			return messagestore.Status{}, nil
		}}, ServerOptions{Ready: p.ready}, func(*Server) {})
		begin := time.Now()
		time.AfterFunc(5*time.Second+time.Millisecond, func() { p.is(nil) })
		if _, err := w.Status(t.Context()); err != nil || time.Since(begin) != 5*time.Second+lookFirst {
			t.Errorf("%v after %v, expected the answer when it serves", err, time.Since(begin))
		}
		w.close(t)
	})
}
