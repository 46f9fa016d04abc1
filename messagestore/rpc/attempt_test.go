package rpc

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"videotutorials/messagestore"
)

// TestClient_SilentThenExhausted: what a silent server did with the call nobody
// knows, whatever the next one says.
func TestClient_SilentThenExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		f := newFleet(func(ctx context.Context) error {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return &messagestore.ExhaustedError{Reason: "the queue is full", RetryAfter: retryAfter}
		}, "a", "b")
		client := f.dial(t)
		_, err := client.Status(t.Context())
		isUnavailable(t, err)
		if n := calls.Load(); n != 2 {
			t.Errorf("%d calls, expected 2", n)
		}
		f.close(t, client)
	})
}
