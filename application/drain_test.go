package application

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
)

// A slow store says when a write has come, and lets it wait.
type slow struct {
	messagestore.Store
	came chan struct{}
	wait chan struct{}
}

func (s *slow) Write(ctx context.Context, stream messagestore.Stream, v messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	s.came <- struct{}{}
	select {
	case <-s.wait:
	case <-ctx.Done():
		return messagestore.Written{}, ctx.Err()
	}
	return s.Store.Write(ctx, stream, v, m...)
}

func TestRun_Drain(t *testing.T) {
	t.Parallel()
	store := &slow{teststore.New(t), make(chan struct{}), make(chan struct{})}
	pool, _ := viewData(t)
	a := start(t, Config{Store: store, ViewData: pool})
	answer := make(chan answered)
	go func() { answer <- a.record(t, aVideo) }()
	<-store.came

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.stop()
	}()
	// It takes no more calls, which shows as soon as it has begun to stop.
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://")) //nolint:noctx // the machine itself
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case <-ended:
		t.Error("it ended before the call did")
	default:
	}
	close(store.wait)
	if got := <-answer; got.status != http.StatusAccepted {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
	<-ended
}

func TestRecordViewing_Deadline(t *testing.T) {
	t.Parallel()
	inner := teststore.New(t)
	store := &slow{inner, make(chan struct{}, 1), nil}
	pool, _ := viewData(t)
	a := start(t, Config{Store: store, ViewData: pool})
	got := a.record(t, aVideo, "Grpc-Timeout", "50m")
	if got.status != http.StatusGatewayTimeout {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
}

// Whose deadline it was decides who is told what.
func TestGuard(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, in any) (any, error) {
		<-ctx.Done()
		return in, ctx.Err()
	}
	for name, c := range map[string]struct {
		deadline, after time.Duration
		code            codes.Code
		in              any
	}{
		"None":    {0, call.Timeout, codes.Unavailable, nil},
		"Later":   {2 * call.Timeout, call.Timeout, codes.Unavailable, nil},
		"Earlier": {time.Second, time.Second, codes.DeadlineExceeded, nil},
		// Who asks to wait may do so.
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
				if _, err := bound(ctx, c.in, nil, hang); status.Code(err) != c.code {
					t.Errorf("it returns %v", err)
				}
				if took := time.Since(start); took != c.after {
					t.Errorf("it takes %v", took)
				}
			})
		})
	}
}
