package rpc

import (
	"context"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func (s *service) TransferOwnership(ctx context.Context, r *messagestorev1.TransferOwnershipRequest) (*messagestorev1.TransferOwnershipResponse, error) {
	from, err := s.store.TransferOwnership(ctx, messagestore.Category(r.Category), messagestore.Principal(r.Owner))
	if err != nil {
		return nil, err
	}
	return &messagestorev1.TransferOwnershipResponse{From: string(from)}, nil
}
