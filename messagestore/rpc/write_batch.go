package rpc

import (
	"context"
	"errors"
	"fmt"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func (s *service) WriteBatch(ctx context.Context, r *messagestorev1.WriteBatchRequest) (*messagestorev1.WriteBatchResponse, error) {
	if err := checkSize(r, "writes"); err != nil {
		return nil, err
	}
	var (
		writes []messagestore.Write
		wrong  messagestore.InvalidError
	)
	for i, request := range r.Writes {
		w, err := fromWrite(request, fmt.Sprintf("writes[%d].", i))
		var invalid *messagestore.InvalidError
		if errors.As(err, &invalid) {
			wrong.Violations = append(wrong.Violations, invalid.Violations...)
		}
		writes = append(writes, w)
	}
	if len(wrong.Violations) > 0 {
		return nil, &wrong
	}
	written, err := s.store.WriteBatch(ctx, writes...)
	if err != nil {
		return nil, err
	}
	response := &messagestorev1.WriteBatchResponse{}
	for _, w := range written {
		response.Results = append(response.Results, toWritten(w))
	}
	return response, nil
}
