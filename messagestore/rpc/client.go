package rpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// answerWithin bounds a call whose context has no deadline, and the wait until a
// stream begins.
const answerWithin = 10 * time.Second

// A Client is a Store behind a Server.
//
// A unary call whose context has no deadline ends after 10 s, with an
// *UnavailableError. While the server is away, calls wait for it. Where there are
// several servers, a unary call that one of them does not answer is repeated on
// another; what is refused, by an *ExhaustedError too, is not. Messages without
// an id get a new one, once a call, so that the client's own retries are safe;
// a caller who means to repeat a write chooses the ids.
//
// Writes that are made at the same time by many go several in a call, which costs
// both sides a fraction. Each is a write of its own nevertheless.
type Client struct {
	conn      *grpc.ClientConn
	service   messagestorev1.MessageStoreServiceClient
	servers   *servers
	gathering *gathering
	open      context.Context // ends with Close
	close     context.CancelFunc
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
	if err != nil {
		return messagestore.Written{}, err
	}
	return fromWritten(response), nil
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
	if err != nil {
		return nil, err
	}
	var written []messagestore.Written
	for _, r := range response.Results {
		written = append(written, fromWritten(r))
	}
	return written, nil
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
	return fromMessage(response.Message), nil
}

// TransferOwnership is Store.TransferOwnership. Where a repeated try finds its
// own work done, from is already the new owner.
func (c *Client) TransferOwnership(ctx context.Context, category messagestore.Category, to messagestore.Principal) (messagestore.Principal, error) {
	response, err := call(ctx, c, c.service.TransferOwnership, &messagestorev1.TransferOwnershipRequest{Category: string(category), Owner: string(to)})
	if err != nil {
		return "", err
	}
	return messagestore.Principal(response.From), nil
}

// Status is Store.Status.
func (c *Client) Status(ctx context.Context) (messagestore.Status, error) {
	response, err := call(ctx, c, c.service.GetStatus, &messagestorev1.GetStatusRequest{})
	if err != nil {
		return messagestore.Status{}, err
	}
	return messagestore.Status{
		Head: messagestore.Place{Position: response.HeadPosition, ID: response.HeadId}, Version: response.Version,
	}, nil
}

func fillIDs(writes ...*messagestorev1.WriteRequest) {
	for _, w := range writes {
		for _, m := range w.Messages {
			if m.Id == "" {
				m.Id = contract.NewID()
			}
		}
	}
}

// failure translates the error of a call whose caller's context is ctx. A
// context error is the caller's or none: what ends for another reason is a
// server that is away.
func failure(ctx context.Context, request proto.Message, err error) error {
	if status.Code(err) == codes.Internal {
		// gRPC says so too of a request that it cannot encode.
		if invalid := notText(request); invalid != nil {
			return invalid
		}
	}
	err = fromStatus(err)
	_, bounded := ctx.Deadline()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() == nil,
		errors.Is(err, context.DeadlineExceeded) && !bounded && ctx.Err() == nil:
		// Not as its cause: whoever looks for a context's error must not find it.
		return &messagestore.UnavailableError{Reason: fmt.Sprintf("no answer: %v", err)}
	}
	return err
}
