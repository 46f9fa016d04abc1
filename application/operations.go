package application

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

const (
	// operationPath is where the outcome of a creator's command is.
	operationPath = "/v1/me/operations/"
	// maxWait bounds how long a call waits for an outcome.
	maxWait = 30 * time.Second
	// lookAgain is how long nobody waits without a look: that there is an outcome
	// may have been missed.
	lookAgain = time.Second
	// waitsOfUser and waitsOfAll bound how many calls wait. Each looks once a
	// second, which is all that it costs.
	waitsOfUser = 16
	waitsOfAll  = 1000
)

// operations is the OperationsService.
type operations struct {
	applicationv1.UnimplementedOperationsServiceServer
	viewData *pgxpool.Pool
	news     *viewdata.Listener
	waits    *slots
	// stopping is closed when the application drains: then nobody waits.
	stopping <-chan struct{}
}

// GetOperation returns the operation as View Data has it, or will have it within
// the wait.
func (s operations) GetOperation(ctx context.Context, in *applicationv1.GetOperationRequest) (*applicationv1.GetOperationResponse, error) {
	var bad invalidError
	trace, ok := parseUUID(in.GetTraceId())
	if !ok {
		bad = append(bad, invalid("traceId", notUUID(in.GetTraceId()))...)
	}
	wait, ok := parseWait(in.GetWait())
	if !ok {
		bad = append(bad, invalid("wait", fmt.Sprintf("%s is not a time from 0s to %v, as 10s", quote(in.GetWait()), maxWait))...)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	user := requestOf(ctx).caller()
	if wait == 0 {
		return s.read(ctx, user, trace.String())
	}
	if s.waits.take(user) == 0 {
		return nil, &messagestore.ExhaustedError{RetryAfter: lookAgain, Reason: "too many wait for operations"}
	}
	defer s.waits.leave(user)
	return s.await(ctx, user, trace.String(), wait)
}

// parseWait returns how long a call wants to wait.
func parseWait(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	wait, err := time.ParseDuration(text)
	return wait, err == nil && wait >= 0 && wait <= maxWait
}

// await reads the operation until it is done, the wait is over, or the
// application stops.
func (s operations) await(ctx context.Context, user, trace string, wait time.Duration) (*applicationv1.GetOperationResponse, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	// Before the first look, so that nothing comes in between.
	woken, stop := s.news.Wait(trace)
	defer stop()
	for {
		answer, err := s.read(ctx, user, trace)
		if err != nil || answer.GetDone() {
			return answer, err
		}
		select {
		case <-woken:
		case <-again.C:
		case <-over.C:
			return answer, nil
		case <-s.stopping:
			return answer, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// read returns the operation, if it is the user's.
func (s operations) read(ctx context.Context, user, trace string) (*applicationv1.GetOperationResponse, error) {
	answer := &applicationv1.GetOperationResponse{TraceId: trace}
	found, err := viewdata.ReadOperation(ctx, s.viewData, trace)
	switch {
	case errors.Is(err, viewdata.ErrNotFound):
		return answer, nil
	case err != nil:
		return nil, err
	case found.OwnerID != user:
		return nil, fmt.Errorf("operation of another: %w", viewdata.ErrNotFound)
	}
	answer.Done, answer.VideoId = true, &found.VideoID
	if !found.Succeeded {
		answer.Error = &applicationv1.OperationError{Code: found.Code, Message: found.Reason}
	}
	return answer, nil
}
