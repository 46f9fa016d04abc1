package rpc

import (
	"context"

	"google.golang.org/grpc"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A service is a Store as the generated interface. It converts: what is wrong in
// a request is the Store's to say, but for what Go's words cannot express.
type service struct {
	messagestorev1.UnimplementedMessageStoreServiceServer
	store    messagestore.Store
	version  string
	each     interceptor.Layers // surrounds each write of a WriteEach
	stopping context.Context    // ends when the server stops
	stop     context.CancelFunc
}

func newService(store messagestore.Store, version string, each interceptor.Layers) *service {
	stopping, stop := context.WithCancel(context.Background())
	return &service{store: store, version: version, each: each, stopping: stopping, stop: stop}
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
	if err != nil {
		return nil, err
	}
	return toWritten(written), nil
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
	if err != nil {
		return nil, err
	}
	return &messagestorev1.GetMessageResponse{Message: toMessage(&m)}, nil
}

func (s *service) GetStatus(ctx context.Context, _ *messagestorev1.GetStatusRequest) (*messagestorev1.GetStatusResponse, error) {
	status, err := s.store.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &messagestorev1.GetStatusResponse{HeadPosition: status.Head.Position, HeadId: status.Head.ID, Version: s.version}, nil
}

// Read answers with headers at once, by which the client knows that it is served
// although a filter may let nothing through for long.
func (s *service) Read(r *messagestorev1.ReadRequest, stream grpc.ServerStreamingServer[messagestorev1.ReadResponse]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	b := batch{send: func(messages []*messagestorev1.Message) error {
		return stream.Send(&messagestorev1.ReadResponse{Messages: messages})
	}}
	for m, err := range s.store.Read(stream.Context(), fromRead(r)) {
		if err == nil {
			err = b.add(&m)
		}
		if err != nil {
			return err
		}
	}
	return b.flush()
}
