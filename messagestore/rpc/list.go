package rpc

import (
	"context"
	"math"

	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func (s *service) ListStreams(ctx context.Context, r *messagestorev1.ListStreamsRequest) (*messagestorev1.ListStreamsResponse, error) {
	page, err := s.store.Streams(ctx, fromList(r))
	if err != nil {
		return nil, err
	}
	return toStreamPage(page), nil
}

func (s *service) ListCategories(ctx context.Context, r *messagestorev1.ListCategoriesRequest) (*messagestorev1.ListCategoriesResponse, error) {
	page, err := s.store.Categories(ctx, fromList(r))
	if err != nil {
		return nil, err
	}
	return toCategoryPage(page), nil
}

// list is what requests for a page have in common.
type list interface {
	GetCategory() string
	GetPageSize() int32
	GetPageToken() string
}

func fromList(r list) messagestore.ListRequest {
	return messagestore.ListRequest{Category: messagestore.Category(r.GetCategory()), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
}

// pageSize returns the size on the wire. One that has no room there is beyond
// what any Store allows.
func pageSize(r messagestore.ListRequest) int32 {
	return int32(min(max(r.Size, math.MinInt32), math.MaxInt32)) //nolint:gosec // bounded
}

func toStreams(r messagestore.ListRequest) *messagestorev1.ListStreamsRequest {
	return &messagestorev1.ListStreamsRequest{Category: string(r.Category), PageSize: pageSize(r), PageToken: r.Token}
}

func toCategoryList(r messagestore.ListRequest) *messagestorev1.ListCategoriesRequest {
	return &messagestorev1.ListCategoriesRequest{Category: string(r.Category), PageSize: pageSize(r), PageToken: r.Token}
}

func toStreamPage(p messagestore.StreamPage) *messagestorev1.ListStreamsResponse {
	response := &messagestorev1.ListStreamsResponse{NextPageToken: p.Next}
	for _, s := range p.Streams {
		response.Streams = append(response.Streams, &messagestorev1.Stream{
			Name: string(s.Stream), Messages: s.Messages, LastPosition: s.LastPosition, LastTime: timestamppb.New(s.LastTime),
		})
	}
	return response
}

func fromStreamPage(r *messagestorev1.ListStreamsResponse) messagestore.StreamPage {
	page := messagestore.StreamPage{Next: r.GetNextPageToken()}
	for _, s := range r.GetStreams() {
		page.Streams = append(page.Streams, messagestore.StreamInfo{
			Stream: messagestore.Stream(s.GetName()), Messages: s.GetMessages(), LastPosition: s.GetLastPosition(), LastTime: s.GetLastTime().AsTime(),
		})
	}
	return page
}

func toCategoryPage(p messagestore.CategoryPage) *messagestorev1.ListCategoriesResponse {
	response := &messagestorev1.ListCategoriesResponse{NextPageToken: p.Next}
	for _, c := range p.Categories {
		response.Categories = append(response.Categories, &messagestorev1.Category{
			Name: string(c.Category), Owner: string(c.Owner), Streams: c.Streams, Messages: c.Messages,
		})
	}
	return response
}

func fromCategoryPage(r *messagestorev1.ListCategoriesResponse) messagestore.CategoryPage {
	page := messagestore.CategoryPage{Next: r.GetNextPageToken()}
	for _, c := range r.GetCategories() {
		page.Categories = append(page.Categories, messagestore.CategoryInfo{
			Category: messagestore.Category(c.GetName()), Owner: messagestore.Principal(c.GetOwner()), Streams: c.GetStreams(), Messages: c.GetMessages(),
		})
	}
	return page
}
