package rpc

import (
	"context"
	"fmt"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func (s *service) WriteBatch(ctx context.Context, r *messagestorev1.WriteBatchRequest) (*messagestorev1.WriteBatchResponse, error) {
	if err := checkSize(r, "writes"); err != nil {
		return nil, err
	}
	var writes []messagestore.Write
	for i, request := range r.Writes {
		w, err := fromWrite(request, fmt.Sprintf("writes[%d].", i))
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
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
