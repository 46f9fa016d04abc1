package rpc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func TestServer_Status(t *testing.T) {
	head := messagestore.Place{Position: 7, ID: "x"}
	w := connect(t, fakeStore{status: func(context.Context) (messagestore.Status, error) {
		return messagestore.Status{Head: head, Version: "the store's"}, nil
	}})
	got, err := w.Status(t.Context())
	if want := (messagestore.Status{Head: head, Version: "v1.2.3"}); err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	w.close(t)
	if !strings.Contains(w.log.String(), "every caller is anonymous") {
		t.Error("the log does not warn that TLS is off")
	}
}

func TestServer_Reflection(t *testing.T) {
	w := connect(t, fakeStore{})
	stream, err := reflectionv1.NewServerReflectionClient(w.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.String(), "messagestore.v1.MessageStoreService") {
		t.Errorf("%v lacks the service", r)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}

func TestServer_Size(t *testing.T) {
	w := connect(t, fakeStore{write: func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error) {
		return messagestore.Written{}, nil
	}})
	for _, test := range []struct {
		bytes int
		want  codes.Code
	}{{maxCall - 100, codes.OK}, {maxCall + 1, codes.InvalidArgument}, {maxReceive + 1, codes.ResourceExhausted}} {
		_, err := w.service.Write(t.Context(), &messagestorev1.WriteRequest{
			Messages: []*messagestorev1.NewMessage{{Data: strings.Repeat("x", test.bytes)}},
		})
		if status.Code(err) != test.want {
			t.Errorf("%d bytes: %v, want %v", test.bytes, err, test.want)
		}
		_, err = w.Write(t.Context(), "a-1", messagestore.Any, messagestore.NewMessage{Data: strings.Repeat("x", test.bytes)})
		var invalid *messagestore.InvalidError
		if errors.As(err, &invalid) != (test.want != codes.OK) {
			t.Errorf("%d bytes by the client: %v", test.bytes, err)
		}
	}
	_, err := w.WriteBatch(t.Context(), messagestore.Write{Messages: []messagestore.NewMessage{{Data: "\xff"}}})
	var invalid *messagestore.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("not UTF-8: %v, want an *InvalidError", err)
	}
}

// TestServer_Ping checks that a client may ping every 5 s, with or without a call.
func TestServer_Ping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{})
		conn, err := w.listener.Dial()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
			t.Fatal(err)
		}
		framer := http2.NewFramer(conn, conn)
		if err := framer.WriteSettings(); err != nil {
			t.Fatal(err)
		}
		acks := make(chan int)
		go func() {
			n := 0
			for {
				frame, err := framer.ReadFrame()
				if err != nil {
					acks <- n
					return
				}
				switch frame := frame.(type) {
				case *http2.PingFrame:
					if frame.IsAck() {
						n++
					} else if err := framer.WritePing(true, frame.Data); err != nil {
						t.Error(err)
					}
				case *http2.GoAwayFrame:
					t.Errorf("the server closes the connection: %v %q", frame.ErrCode, frame.DebugData())
				}
			}
		}()
		const pings = 50
		for range pings {
			time.Sleep(5 * time.Second)
			if err := framer.WritePing(false, [8]byte{}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if n := <-acks; n != pings {
			t.Errorf("%d of %d pings were answered", n, pings)
		}
	})
}

// TestServer_Idle checks that a quiet subscription stays open.
func TestServer_Idle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{subscribe: func(_ context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
			yield(messagestore.Started{HeartbeatInterval: time.Hour}, nil)
			time.Sleep(time.Hour)
			yield(nil, messagestore.ErrNotFound)
		}})
		var end error
		for _, err := range w.Subscribe(t.Context(), messagestore.Subscription{}) {
			end = err
		}
		if !errors.Is(end, messagestore.ErrNotFound) {
			t.Errorf("%v, want the store's own error after an hour", end)
		}
	})
}

// TestServer_Drain checks that a stopping server ends a subscription with a status,
// finishes a write, and accepts no new call.
func TestServer_Drain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{
			subscribe: func(ctx context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
				yield(messagestore.Started{HeartbeatInterval: heartbeat}, nil)
				<-ctx.Done()
				yield(nil, ctx.Err())
			},
			write: func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error) {
				time.Sleep(time.Second)
				return messagestore.Written{GlobalPosition: 7}, nil
			},
		})
		written, ended := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := w.Write(t.Context(), "a-1", messagestore.Any)
			written <- err
		}()
		started := make(chan struct{})
		go func() {
			for event, err := range w.Subscribe(t.Context(), messagestore.Subscription{}) {
				if _, ok := event.(messagestore.Started); ok {
					close(started)
				}
				if err != nil {
					ended <- err
				}
			}
		}()
		<-started
		synctest.Wait()
		begin := time.Now()
		w.stop()
		if err := <-ended; err == nil || err.Error() != errStopping.Reason || time.Since(begin) > 0 {
			t.Errorf("the subscription ended with %v after %v", err, time.Since(begin))
		}
		if err := <-written; err != nil {
			t.Errorf("the write in progress: %v", err)
		}
		if err := <-w.stopped; err != nil || time.Since(begin) > 2*time.Second {
			t.Errorf("Run returned %v after %v", err, time.Since(begin))
		}
		w.stopped <- nil
		_, err := w.service.GetStatus(t.Context(), &messagestorev1.GetStatusRequest{}, grpc.WaitForReady(false))
		if status.Code(err) != codes.Unavailable {
			t.Errorf("a call after the end: %v, want UNAVAILABLE", err)
		}
	})
}

// TestServer_Drain_Timeout checks that a call without end does not keep a server
// from stopping.
func TestServer_Drain_Timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{status: func(ctx context.Context) (messagestore.Status, error) {
			<-ctx.Done()
			return messagestore.Status{}, ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := w.service.GetStatus(ctx, &messagestorev1.GetStatusRequest{})
			failed <- err
		}()
		synctest.Wait()
		begin := time.Now()
		w.stop()
		if err := <-w.stopped; err != nil || time.Since(begin) != drainTimeout {
			t.Errorf("Run returned %v after %v", err, time.Since(begin))
		}
		w.stopped <- nil
		cancel() // else the client waits for a new server
		if err := <-failed; err == nil {
			t.Error("the call did not fail")
		}
	})
}
