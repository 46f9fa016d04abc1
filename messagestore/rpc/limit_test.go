package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// idle is a Store whose subscriptions only start, and whose other calls block.
var idle = fakeStore{
	subscribe: func(ctx context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
		yield(messagestore.Started{HeartbeatInterval: time.Hour}, nil)
		<-ctx.Done()
		yield(nil, ctx.Err())
	},
	read: func(ctx context.Context, yield func(messagestore.Message, error) bool) {
		<-ctx.Done()
		yield(messagestore.Message{}, ctx.Err())
	},
	status: func(ctx context.Context) (messagestore.Status, error) {
		<-ctx.Done()
		return messagestore.Status{}, ctx.Err()
	},
}

// isExhausted fails the test unless err is an *ExhaustedError with a RetryAfter.
func isExhausted(t *testing.T, err error) {
	t.Helper()
	var exhausted *messagestore.ExhaustedError
	if !errors.As(err, &exhausted) || exhausted.RetryAfter != retryAfter {
		t.Errorf("%v, want an *ExhaustedError with RetryAfter %v", err, retryAfter)
	}
}

// TestServer_Unary checks the limit of a principal's unary calls.
func TestServer_Unary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connectWith(t, idle, ServerOptions{}, func(s *Server) { s.limits.unary.PerKey = 1 })
		for range 2 { // the second round needs the permit of the first
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { _, err := w.Status(ctx); done <- err }()
			synctest.Wait()
			_, err := w.Status(t.Context())
			isExhausted(t, err)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the accepted call ended with %v, want Canceled", err)
			}
			synctest.Wait()
		}
	})
}

// TestServer_Unary_WithoutMessage checks that a call counts before its request has
// arrived.
func TestServer_Unary_WithoutMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connectWith(t, idle, ServerOptions{}, func(s *Server) { s.limits.unary.PerKey = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, messagestorev1.MessageStoreService_Write_FullMethodName)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, err = w.Status(t.Context())
		isExhausted(t, err)
		cancel()
		w.close(t)
	})
}

// TestServer_Streams checks the limit of a principal's open streams.
func TestServer_Streams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connectWith(t, idle, ServerOptions{}, func(s *Server) { s.limits.streams.PerKey = 2 })
		open := func() float64 {
			synctest.Wait()
			return testutil.ToFloat64(w.server.limits.streams.open.WithLabelValues("anonymous"))
		}
		for range 3 { // each round needs the permits of the one before
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := w.service.Subscribe(ctx, &messagestorev1.SubscribeRequest{}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.service.Read(ctx, &messagestorev1.ReadRequest{}); err != nil {
				t.Fatal(err)
			}
			if n := open(); n != 2 {
				t.Fatalf("%v streams are open, want 2", n)
			}
			isExhausted(t, firstError(w.Subscribe(t.Context(), messagestore.Subscription{})))
			isExhausted(t, firstError(w.Read(t.Context(), messagestore.ReadRequest{})))
			cancel()
			if n := open(); n != 0 {
				t.Fatalf("%v streams are open, want 0", n)
			}
		}
		if n := testutil.ToFloat64(w.server.limits.streams.rejected); n != 6 {
			t.Errorf("%v rejections are counted, want 6", n)
		}
		w.close(t)
	})
}

func firstError[T any](seq func(func(T, error) bool)) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestServer_Calls checks the limit of calls in progress: the next one is rejected at
// once, and health checks pass.
func TestServer_Calls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connectWith(t, idle, ServerOptions{}, func(s *Server) { s.limits.calls.Total = 3 })
		health := checker(t, w)
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := w.service.Subscribe(ctx, &messagestorev1.SubscribeRequest{}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				go func() { _, _ = w.service.GetStatus(ctx, &messagestorev1.GetStatusRequest{}) }()
			}
			synctest.Wait()
			begin := time.Now()
			_, err := w.Status(t.Context())
			isExhausted(t, err)
			isExhausted(t, firstError(w.Subscribe(t.Context(), messagestore.Subscription{})))
			if took := time.Since(begin); took > 0 {
				t.Errorf("the answers took %v, want at once and no retry", took)
			}
			if _, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
				t.Errorf("health: %v", err)
			}
			cancel()
			synctest.Wait()
			if n := w.server.limits.calls.Held(); n != 0 {
				t.Fatalf("%v calls count, want 0", n)
			}
		}
		w.close(t)
	})
}

// TestServer_Calls_End checks that a call stops counting however it ends.
func TestServer_Calls_End(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connectWith(t, fakeStore{
			status: func(context.Context) (messagestore.Status, error) { return messagestore.Status{}, nil },
			write:  func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error) { panic("a bug") },
		}, ServerOptions{}, func(s *Server) { s.limits.calls.Total = 1 })
		for name, call := range map[string]func(context.Context) error{
			"answered": func(ctx context.Context) error {
				_, err := w.Status(ctx)
				return err
			},
			"panic": func(ctx context.Context) error {
				_, err := w.service.Write(ctx, &messagestorev1.WriteRequest{})
				return expect(err, codes.Internal)
			},
			"too large": func(ctx context.Context) error {
				_, err := w.service.Write(ctx, &messagestorev1.WriteRequest{StreamName: strings.Repeat("x", maxReceive+1)})
				return expect(err, codes.ResourceExhausted)
			},
			"no such method": func(ctx context.Context) error {
				return expect(w.conn.Invoke(ctx, "/messagestore.v1.MessageStoreService/Forget", &messagestorev1.GetStatusRequest{},
					&messagestorev1.GetStatusResponse{}, grpc.WaitForReady(true)), codes.Unimplemented)
			},
		} {
			if err := call(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			synctest.Wait()
			if n := w.server.limits.calls.Held(); n != 0 {
				t.Fatalf("%s: %v calls count, want 0", name, n)
			}
		}
		w.close(t)
	})
}

func expect(err error, want codes.Code) error {
	if got := status.Code(err); got != want {
		return fmt.Errorf("%w, want %v", err, want)
	}
	return nil
}

// TestServer_Connections checks that a connection over the limit is closed at once,
// with one log line until there is room again.
func TestServer_Connections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connectWith(t, idle, ServerOptions{}, func(s *Server) { s.limits.connections.Total = 1 })
		check := func() (func() error, error) {
			conn := w.plainConn(t)
			_, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
			return conn.Close, err
		}
		for range 3 {
			closeFirst, err := check()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				closeSecond, err := check()
				if status.Code(err) != codes.Unavailable {
					t.Errorf("a second connection: %v, want UNAVAILABLE", err)
				}
				_ = closeSecond()
			}
			_ = closeFirst()
			synctest.Wait()
		}
		if n := w.server.limits.connections.Held(); n != 0 {
			t.Errorf("%v connections count, want 0", n)
		}
		if n := strings.Count(w.log.String(), errTooManyConnections.Error()); n != 3 {
			t.Errorf("%d log lines, want one for each time that the limit is reached", n)
		}
		w.close(t)
	})
}
