package rpc

import (
	"context"

	"videotutorials/messagestore"
)

// Streams is Store.Streams.
func (c *Client) Streams(ctx context.Context, r messagestore.ListRequest) (messagestore.StreamPage, error) {
	response, err := call(ctx, c, c.service.ListStreams, toStreams(r))
	if err != nil {
		return messagestore.StreamPage{}, err
	}
	return fromStreamPage(response), nil
}

// Categories is Store.Categories.
func (c *Client) Categories(ctx context.Context, r messagestore.ListRequest) (messagestore.CategoryPage, error) {
	response, err := call(ctx, c, c.service.ListCategories, toCategoryList(r))
	if err != nil {
		return messagestore.CategoryPage{}, err
	}
	return fromCategoryPage(response), nil
}
