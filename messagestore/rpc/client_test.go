package rpc

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const heartbeat = 2 * time.Second

// isUnavailable fails the test unless err is an *UnavailableError that wraps no
// context error.
func isUnavailable(t *testing.T, err error) {
	t.Helper()
	var unavailable *messagestore.UnavailableError
	if !errors.As(err, &unavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("%v, want an *UnavailableError", err)
	}
}

func TestClient_IDs(t *testing.T) {
	var got [][]messagestore.NewMessage
	w := connect(t, fakeStore{write: func(_ context.Context, m ...messagestore.NewMessage) (messagestore.Written, error) {
		if got = append(got, slices.Clone(m)); len(got) < 3 {
			return messagestore.Written{}, &messagestore.UnavailableError{Reason: "not yet"}
		}
		return messagestore.Written{Position: 1, GlobalPosition: 7}, nil
	}})
	// More than gRPC buffers for a retry by default.
	mine := []messagestore.NewMessage{{ID: "mine", Data: strings.Repeat("x", 1<<20)}, {}}
	written, err := w.Write(t.Context(), "a-1", messagestore.Any, mine...)
	if err != nil || written.GlobalPosition != 7 {
		t.Fatalf("%+v %v, want success at the third attempt", written, err)
	}
	for i, m := range got {
		if m[0].ID != "mine" || uuid.Validate(m[1].ID) != nil || m[1].ID != got[0][1].ID {
			t.Errorf("attempt %d has the ids %s and %s", i, m[0].ID, m[1].ID)
		}
	}
	if mine[1].ID != "" {
		t.Error("the caller's messages were changed")
	}
}

func TestClient_Deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{status: func(ctx context.Context) (messagestore.Status, error) {
			<-ctx.Done()
			return messagestore.Status{}, ctx.Err()
		}})
		start := time.Now()
		_, err := w.Status(t.Context())
		isUnavailable(t, err)
		if took := time.Since(start); took != callTimeout {
			t.Errorf("the call took %v, want %v", took, callTimeout)
		}
	})
}

// TestClient_Wait checks that calls wait for a server that is away, until their
// timeout.
func TestClient_Wait(t *testing.T) {
	for name, test := range map[string]struct{ away, took time.Duration }{
		"ShortOutage": {3 * time.Second, 0},
		"LongOutage":  {time.Hour, callTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := connect(t, failing(messagestore.ErrNotFound)) // an error with no other cause
				begin := time.Now()
				client, err := dial("passthrough:test", nil, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
					if time.Since(begin) < test.away {
						return nil, errors.New("connection refused")
					}
					return w.listener.DialContext(ctx)
				}))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = client.Close() }()
				for call, err := range (&wire{Client: client}).failures(t.Context()) {
					if test.took == 0 && !errors.Is(err, messagestore.ErrNotFound) {
						t.Errorf("%s: %v, want the server's answer", call, err)
					} else if test.took > 0 {
						isUnavailable(t, err)
					}
				}
				if took := time.Since(begin); test.took > 0 && took != 3*test.took {
					t.Errorf("three calls took %v, want %v each", took, test.took)
				}
			})
		})
	}
}

func TestClient_Subscribe_Silence(t *testing.T) {
	silent := func(events ...messagestore.Event) fakeStore {
		return fakeStore{subscribe: func(ctx context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
			for _, e := range events {
				time.Sleep(heartbeat)
				if !yield(e, nil) {
					return
				}
			}
			<-ctx.Done()
			yield(nil, ctx.Err())
		}}
	}
	started := messagestore.Started{HeartbeatInterval: heartbeat}
	for name, test := range map[string]struct {
		store fakeStore
		after time.Duration
		want  int // events
	}{
		"Immediately":   {silent(), callTimeout, 0},
		"AfterStarted":  {silent(started), heartbeat + 2*heartbeat, 1},
		"AfterProgress": {silent(started, messagestore.Progress{}, messagestore.Progress{}), 3*heartbeat + 2*heartbeat, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := connect(t, test.store)
				start, events, ended := time.Now(), 0, false
				for _, err := range w.Subscribe(t.Context(), messagestore.Subscription{}) {
					if ended {
						t.Fatal("an event came after the error")
					}
					if ended = err != nil; ended {
						isUnavailable(t, err)
						continue
					}
					events++
				}
				if took := time.Since(start); took != test.after || events != test.want || !ended {
					t.Errorf("ended %t after %v and %d events, want true after %v and %d", ended, took, events, test.after, test.want)
				}
			})
		})
	}
}

// TestClient_Subscribe_SlowHandler checks that the time to handle an event does not
// count as silence.
func TestClient_Subscribe_SlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{subscribe: func(_ context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
			yield(messagestore.Started{HeartbeatInterval: heartbeat}, nil)
			time.Sleep(heartbeat)
			yield(messagestore.Progress{}, nil)
			yield(nil, messagestore.ErrNotFound) // an error with no other cause
		}})
		var events int
		for _, err := range w.Subscribe(t.Context(), messagestore.Subscription{}) {
			if err != nil {
				if !errors.Is(err, messagestore.ErrNotFound) {
					t.Errorf("%v, want the server's own error", err)
				}
				break
			}
			events++
			time.Sleep(time.Minute)
		}
		if events != 2 {
			t.Errorf("%d events, want 2", events)
		}
	})
}

func TestClient_Subscribe_End(t *testing.T) {
	w := connect(t, fakeStore{subscribe: func(context.Context, messagestore.Subscription, func(messagestore.Event, error) bool) {}})
	var errs []error
	for _, err := range w.Subscribe(t.Context(), messagestore.Subscription{}) {
		errs = append(errs, err)
	}
	if len(errs) != 1 {
		t.Fatalf("%v, want one error", errs)
	}
	isUnavailable(t, errs[0])
}

// TestClient_Break checks that leaving the loop ends the call on the server.
func TestClient_Break(t *testing.T) {
	ended := make(chan string, 2)
	w := connect(t, fakeStore{
		subscribe: func(ctx context.Context, _ messagestore.Subscription, yield func(messagestore.Event, error) bool) {
			yield(messagestore.Started{HeartbeatInterval: time.Hour}, nil)
			<-ctx.Done()
			ended <- "Subscribe"
		},
		read: func(ctx context.Context, yield func(messagestore.Message, error) bool) {
			for range maxResponseMessages + 1 {
				yield(messagestore.Message{ID: "x"}, nil)
			}
			<-ctx.Done()
			ended <- "Read"
		},
	})
	for _, err := range w.Subscribe(t.Context(), messagestore.Subscription{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	for _, err := range w.Read(t.Context(), messagestore.ReadRequest{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	for range 2 {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("a call has not ended 10 s after its loop")
		}
	}
}

// TestClient_Read_Sparse checks that a filter may let nothing through for a long
// time.
func TestClient_Read_Sparse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, fakeStore{read: func(_ context.Context, yield func(messagestore.Message, error) bool) {
			time.Sleep(time.Hour)
			yield(messagestore.Message{ID: "found"}, nil)
		}})
		var found []string
		for m, err := range w.Read(t.Context(), messagestore.ReadRequest{}) {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, m.ID)
		}
		if !slices.Equal(found, []string{"found"}) {
			t.Errorf("found %v, want [found]", found)
		}
	})
}

// TestClient_Foreign checks answers that only a proxy or a server of another
// version gives.
func TestClient_Foreign(t *testing.T) {
	for _, code := range []codes.Code{codes.Canceled, codes.DeadlineExceeded} {
		isUnavailable(t, callError(t.Context(), &messagestorev1.GetStatusRequest{}, status.Error(code, "by a proxy")))
	}
	for name, response := range map[string]*messagestorev1.SubscribeResponse{
		"no event": {},
		"empty":    {Event: &messagestorev1.SubscribeResponse_Messages{Messages: &messagestorev1.MessageBatch{}}},
	} {
		if e := fromEvent(response); e != nil {
			t.Errorf("%s: %#v, want no event", name, e)
		}
	}
}
