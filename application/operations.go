package application

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/application/call"
	"videotutorials/internal/limit"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// operationPath is the path of the outcome of a creator's command.
const operationPath = "/v1/me/operations/"

// operations is the OperationsService.
type operations struct {
	applicationv1.UnimplementedOperationsServiceServer
	viewData *pgxpool.Pool
	waits    waits
}

// GetOperation returns the operation according to View Data, now or within the wait.
func (s operations) GetOperation(ctx context.Context, in *applicationv1.GetOperationRequest) (*applicationv1.GetOperationResponse, error) {
	user := call.From(ctx).Caller()
	return await(ctx, s.waits, user, in, func(ctx context.Context, trace string) (*applicationv1.GetOperationResponse, error) {
		answer := &applicationv1.GetOperationResponse{TraceId: trace}
		found, err := viewdata.ReadVideoOperation(ctx, s.viewData, trace)
		switch {
		case errors.Is(err, viewdata.ErrNotFound):
			return answer, nil
		case err != nil:
			return nil, err
		case found.OwnerID != user:
			return nil, fmt.Errorf("operation of another user: %w", viewdata.ErrNotFound)
		}
		answer.Done, answer.VideoId = true, &found.VideoID
		if !found.Succeeded {
			answer.Error = &applicationv1.OperationError{Code: found.Code, Message: found.Reason}
		}
		return answer, nil
	})
}

const (
	// maxWait bounds how long a call waits for an outcome.
	maxWait = 30 * time.Second
	// pollInterval is how often a waiting call reads without being woken, because a
	// notification can be lost.
	pollInterval = time.Second
	// firstPoll is when a woken call reads again if it is not done: one of the views
	// that it reads may follow the one that woke it.
	firstPoll = 20 * time.Millisecond
	// userWaits and totalWaits bound the waiting calls. Each costs a read a second.
	userWaits  = 16
	totalWaits = 1000
)

// waits are the calls that wait for the outcome of commands.
type waits struct {
	listener  *viewdata.Listener
	semaphore *limit.Semaphore
	// stopping is closed when the application drains, which ends all waits.
	stopping <-chan struct{}
}

func newWaits(l *viewdata.Listener, stopping <-chan struct{}) waits {
	return waits{l, &limit.Semaphore{PerKey: userWaits, Total: totalWaits}, stopping}
}

// parseWait returns how long a call wants to wait, 0 for an invalid text.
func parseWait(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 || wait > maxWait {
		return 0, false
	}
	return wait, true
}

// await returns the outcome that read returns for the trace id in the input: at
// once, or when it is done, the wait in the input is over or the application stops.
// The waits of each key are bounded.
func await[T interface{ GetDone() bool }](ctx context.Context, w waits, key string, in interface {
	GetTraceId() string
	GetWait() string
}, read func(context.Context, string) (T, error)) (answer T, err error) {
	var bad call.InvalidError
	trace := bad.UUID("traceId", in.GetTraceId()).String()
	wait, ok := parseWait(in.GetWait())
	if !ok {
		bad.Add("wait", fmt.Sprintf("%s is not a time from 0s to %v, as 10s", call.Quote(in.GetWait()), maxWait))
	}
	if err := bad.Err(); err != nil {
		return answer, err
	}
	if wait == 0 {
		return read(ctx, trace)
	}
	if _, ok := w.semaphore.TryAcquire(key); !ok {
		return answer, &messagestore.ExhaustedError{RetryAfter: pollInterval, Reason: "too many wait for operations"}
	}
	defer w.semaphore.Release(key)
	over := time.NewTimer(wait)
	defer over.Stop()
	interval := pollInterval
	woken, stop := w.listener.Wait(trace) // before the first read, so that no notification is missed
	defer stop()
	for {
		answer, err = read(ctx, trace)
		if err != nil || answer.GetDone() {
			return answer, err
		}
		select {
		case <-woken:
			interval = firstPoll
		case <-time.After(interval):
			interval = min(2*interval, pollInterval)
		case <-over.C:
			return answer, nil
		case <-w.stopping:
			return answer, nil
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}
