package rpc

import (
	"context"

	"google.golang.org/grpc"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A Client is a Store behind one or more Servers.
//
// A unary call whose context has no deadline ends after 10 s with an
// *UnavailableError. While all servers are away, calls wait for one. If one of
// several servers does not answer a unary call, the client repeats the call on
// another; it does not repeat a rejected call, nor one that ended with an
// *ExhaustedError. Messages without an id get a new one per call, which makes the
// client's own retries safe. A caller that repeats a write MUST choose the ids.
//
// Concurrent writes share calls, which costs both sides less. Each remains a write
// of its own, with its own result.
type Client struct {
	conn    *grpc.ClientConn
	service messagestorev1.MessageStoreServiceClient
	servers *servers
	batcher *batcher
	open    context.Context // ends with Close
	close   context.CancelFunc
}

var _ messagestore.Store = (*Client)(nil)

// Write is Store.Write.
func (c *Client) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	request := toWrite(messagestore.Write{Stream: stream, Expected: expected, Messages: messages})
	fillIDs(request)
	if err := checkSize(request, "messages"); err != nil {
		return messagestore.Written{}, err
	}
	response, err := c.write(ctx, request)
	return fromWritten(response), err
}

// WriteBatch is Store.WriteBatch.
func (c *Client) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	request := &messagestorev1.WriteBatchRequest{}
	for _, w := range writes {
		request.Writes = append(request.Writes, toWrite(w))
	}
	fillIDs(request.Writes...)
	if err := checkSize(request, "writes"); err != nil {
		return nil, err
	}
	response, err := call(ctx, c, c.service.WriteBatch, request)
	var written []messagestore.Written
	for _, r := range response.GetResults() {
		written = append(written, fromWritten(r))
	}
	return written, err
}

// fillIDs gives each message without an id a new one.
func fillIDs(writes ...*messagestorev1.WriteRequest) {
	for _, w := range writes {
		for _, m := range w.Messages {
			if m.Id == "" {
				m.Id = contract.NewID()
			}
		}
	}
}

// Message is Store.Message.
func (c *Client) Message(ctx context.Context, id string) (messagestore.Message, error) {
	return c.message(ctx, &messagestorev1.GetMessageRequest{By: &messagestorev1.GetMessageRequest_Id{Id: id}})
}

// Last is Store.Last.
func (c *Client) Last(ctx context.Context, stream messagestore.Stream, messageType string) (messagestore.Message, error) {
	return c.message(ctx, &messagestorev1.GetMessageRequest{By: &messagestorev1.GetMessageRequest_Last{
		Last: &messagestorev1.LastOfStream{StreamName: string(stream), Type: messageType},
	}})
}

func (c *Client) message(ctx context.Context, request *messagestorev1.GetMessageRequest) (messagestore.Message, error) {
	response, err := call(ctx, c, c.service.GetMessage, request)
	if err != nil {
		return messagestore.Message{}, err
	}
	return fromMessage(response.GetMessage()), nil
}

// Streams is Store.Streams.
func (c *Client) Streams(ctx context.Context, r messagestore.ListRequest) (messagestore.StreamPage, error) {
	response, err := call(ctx, c, c.service.ListStreams, toListStreams(r))
	return fromStreamPage(response), err
}

// Categories is Store.Categories.
func (c *Client) Categories(ctx context.Context, r messagestore.ListRequest) (messagestore.CategoryPage, error) {
	response, err := call(ctx, c, c.service.ListCategories, toListCategories(r))
	return fromCategoryPage(response), err
}

// TransferOwnership is Store.TransferOwnership. If an unanswered attempt has
// already made the transfer, from is the new owner.
func (c *Client) TransferOwnership(ctx context.Context, category messagestore.Category, to messagestore.Principal) (from messagestore.Principal, err error) {
	response, err := call(ctx, c, c.service.TransferOwnership, &messagestorev1.TransferOwnershipRequest{Category: string(category), Owner: string(to)})
	return messagestore.Principal(response.GetFrom()), err
}

// Status is Store.Status.
func (c *Client) Status(ctx context.Context) (messagestore.Status, error) {
	response, err := call(ctx, c, c.service.GetStatus, &messagestorev1.GetStatusRequest{})
	return messagestore.Status{
		Head: messagestore.Place{Position: response.GetHeadPosition(), ID: response.GetHeadId()}, Version: response.GetVersion(),
	}, err
}

// Close closes the connections and cancels the calls in progress.
func (c *Client) Close() error {
	c.close()
	return c.conn.Close()
}
