package application

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// operationPath is where the outcome of a creator's command is.
const operationPath = "/v1/me/operations/"

// operations is the OperationsService.
type operations struct {
	applicationv1.UnimplementedOperationsServiceServer
	viewData *pgxpool.Pool
	waits    waits
}

// GetOperation returns the operation as View Data has it, or will have it within
// the wait.
func (s operations) GetOperation(ctx context.Context, in *applicationv1.GetOperationRequest) (*applicationv1.GetOperationResponse, error) {
	trace, wait, err := checkQuestion(in)
	if err != nil {
		return nil, err
	}
	user := requestOf(ctx).caller()
	return await(ctx, s.waits, user, trace, wait, func(ctx context.Context) (*applicationv1.GetOperationResponse, error) {
		return s.read(ctx, user, trace)
	})
}

// read returns the operation, if it is the user's.
func (s operations) read(ctx context.Context, user, trace string) (*applicationv1.GetOperationResponse, error) {
	answer := &applicationv1.GetOperationResponse{TraceId: trace}
	found, err := viewdata.ReadVideoOperation(ctx, s.viewData, trace)
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
