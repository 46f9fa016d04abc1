package rpc

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A service implements the generated interface with a Store. It only converts: the
// Store validates all that its own types can express.
type service struct {
	messagestorev1.UnimplementedMessageStoreServiceServer
	store    messagestore.Store
	version  string
	each     interceptor.Chain // runs around each write of a WriteEach
	stopping context.Context   // ends when the server stops
	stop     context.CancelFunc
}

func newService(store messagestore.Store, version string) *service {
	stopping, stop := context.WithCancel(context.Background())
	return &service{store: store, version: version, stopping: stopping, stop: stop}
}

func (s *service) Write(ctx context.Context, r *messagestorev1.WriteRequest) (*messagestorev1.WriteResponse, error) {
	if err := checkSize(r, "messages"); err != nil {
		return nil, err
	}
	w, err := fromWrite(r, "")
	if err != nil {
		return nil, err
	}
	written, err := s.store.Write(ctx, w.Stream, w.Expected, w.Messages...)
	return toWritten(written), err
}

func (s *service) WriteBatch(ctx context.Context, r *messagestorev1.WriteBatchRequest) (*messagestorev1.WriteBatchResponse, error) {
	if err := checkSize(r, "writes"); err != nil {
		return nil, err
	}
	var (
		writes []messagestore.Write
		all    messagestore.InvalidError
	)
	for i, request := range r.Writes {
		w, err := fromWrite(request, fmt.Sprintf("writes[%d].", i))
		var invalid *messagestore.InvalidError
		if errors.As(err, &invalid) {
			all.Violations = append(all.Violations, invalid.Violations...)
		}
		writes = append(writes, w)
	}
	if len(all.Violations) > 0 {
		return nil, &all
	}
	written, err := s.store.WriteBatch(ctx, writes...)
	response := &messagestorev1.WriteBatchResponse{}
	for _, w := range written {
		response.Results = append(response.Results, toWritten(w))
	}
	return response, err
}

func (s *service) GetMessage(ctx context.Context, r *messagestorev1.GetMessageRequest) (*messagestorev1.GetMessageResponse, error) {
	var m messagestore.Message
	var err error
	switch by := r.By.(type) {
	case *messagestorev1.GetMessageRequest_Id:
		m, err = s.store.Message(ctx, by.Id)
	case *messagestorev1.GetMessageRequest_Last:
		m, err = s.store.Last(ctx, messagestore.Stream(by.Last.GetStreamName()), by.Last.GetType())
	default:
		err = invalid("by", "is required: one of id, last")
	}
	return &messagestorev1.GetMessageResponse{Message: toMessage(&m)}, err
}

func (s *service) ListStreams(ctx context.Context, r *messagestorev1.ListStreamsRequest) (*messagestorev1.ListStreamsResponse, error) {
	page, err := s.store.Streams(ctx, fromList(r))
	return toStreamPage(page), err
}

func (s *service) ListCategories(ctx context.Context, r *messagestorev1.ListCategoriesRequest) (*messagestorev1.ListCategoriesResponse, error) {
	page, err := s.store.Categories(ctx, fromList(r))
	return toCategoryPage(page), err
}

func (s *service) TransferOwnership(ctx context.Context, r *messagestorev1.TransferOwnershipRequest) (*messagestorev1.TransferOwnershipResponse, error) {
	from, err := s.store.TransferOwnership(ctx, messagestore.Category(r.Category), messagestore.Principal(r.Owner))
	return &messagestorev1.TransferOwnershipResponse{From: string(from)}, err
}

func (s *service) GetStatus(ctx context.Context, _ *messagestorev1.GetStatusRequest) (*messagestorev1.GetStatusResponse, error) {
	status, err := s.store.Status(ctx)
	return &messagestorev1.GetStatusResponse{HeadPosition: status.Head.Position, HeadId: status.Head.ID, Version: s.version}, err
}

// Read sends headers at once. They prove to the client that the server works,
// although a filter may skip all messages for a long time.
func (s *service) Read(r *messagestorev1.ReadRequest, stream grpc.ServerStreamingServer[messagestorev1.ReadResponse]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	return sendMessages(s.store.Read(stream.Context(), fromRead(r)), func(messages []*messagestorev1.Message) error {
		return stream.Send(&messagestorev1.ReadResponse{Messages: messages})
	})
}

// A response has as many messages as fit into these bounds. One message may be
// nearly as large as maxResponse, and the whole MUST stay below 4 MiB.
const (
	maxResponse         = 1 << 20
	maxResponseMessages = 1000
)

// sendMessages sends the messages in responses of bounded size.
func sendMessages(messages iter.Seq2[messagestore.Message, error], send func([]*messagestorev1.Message) error) error {
	var next []*messagestorev1.Message
	bytes := 0
	for m, err := range messages {
		if err != nil {
			return err
		}
		message := toMessage(&m)
		size := proto.Size(message)
		if len(next) == maxResponseMessages || len(next) > 0 && bytes+size > maxResponse {
			if err := send(next); err != nil {
				return err
			}
			next, bytes = nil, 0
		}
		next = append(next, message)
		bytes += size
	}
	if len(next) == 0 {
		return nil
	}
	return send(next)
}
