package application

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
)

// A slowStore reports each write and then blocks it.
type slowStore struct {
	messagestore.Store
	writing, proceed chan struct{}
}

func (s *slowStore) Write(ctx context.Context, stream messagestore.Stream, v messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	s.writing <- struct{}{}
	select {
	case <-s.proceed:
	case <-ctx.Done():
		return messagestore.Written{}, ctx.Err()
	}
	return s.Store.Write(ctx, stream, v, m...)
}

func TestRun_Drain(t *testing.T) {
	t.Parallel()
	store := &slowStore{teststore.New(t), make(chan struct{}), make(chan struct{})}
	a := start(t, Config{Store: store})
	answer := make(chan answered, 1)
	go func() { answer <- a.record(t, aVideo) }()
	running.Receive(t, "the write", store.writing)

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.stop()
	}()
	running.Until(t, "the listener is closed", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://")) //nolint:noctx // the machine itself
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	select {
	case <-ended:
		t.Error("Run returned before the call did")
	default:
	}
	close(store.proceed)
	running.Receive(t, "the answer", answer).check(t, http.StatusAccepted)
	running.Receive(t, "the end", ended)
}

func TestRecordViewing_Deadline(t *testing.T) {
	t.Parallel()
	a := start(t, Config{Store: &slowStore{teststore.New(t), make(chan struct{}, 1), nil}})
	a.record(t, aVideo, "Grpc-Timeout", "50m").check(t, http.StatusGatewayTimeout)
}

// The code tells whether the deadline of the caller or of the application has passed.
func TestAuthorize_Timeout(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, in any) (any, error) {
		<-ctx.Done()
		return in, ctx.Err()
	}
	check := authorize(session.Authorizer{})
	anyone := &grpc.UnaryServerInfo{FullMethod: applicationv1.SessionsService_LogIn_FullMethodName}
	for name, c := range map[string]struct {
		deadline, after time.Duration
		code            codes.Code
		in              any
	}{
		"None":     {0, call.Timeout, codes.Unavailable, nil},
		"Later":    {2 * call.Timeout, call.Timeout, codes.Unavailable, nil},
		"Earlier":  {time.Second, time.Second, codes.DeadlineExceeded, nil},
		"Waits":    {0, call.Timeout + maxWait, codes.Unavailable, &applicationv1.GetOperationRequest{Wait: "30s"}},
		"WaitsBad": {0, call.Timeout, codes.Unavailable, &applicationv1.GetOperationRequest{Wait: "31s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, start := t.Context(), time.Now()
				if c.deadline > 0 {
					bounded, cancel := context.WithTimeout(ctx, c.deadline)
					defer cancel()
					ctx = bounded
				}
				if _, err := check(ctx, c.in, anyone, hang); status.Code(err) != c.code {
					t.Errorf("error is %v", err)
				}
				if took := time.Since(start); took != c.after {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
