package rpc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/interceptor"
	"videotutorials/internal/test/teststore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// FuzzRequests calls each RPC of a server with Postgres with any request that can be
// decoded, and checks that the call neither fails with INTERNAL nor times out.
func FuzzRequests(f *testing.F) {
	for _, seed := range []proto.Message{
		&messagestorev1.WriteRequest{StreamName: "a-1", Messages: []*messagestorev1.NewMessage{{Id: "x", Type: "\x01", Data: `{"a": "\u0000"}`}}},
		&messagestorev1.WriteRequest{StreamName: strings.Repeat("ä", 200) + "-\x00", ExpectedVersion: &messagestorev1.ExpectedVersion{}},
		&messagestorev1.WriteBatchRequest{Writes: []*messagestorev1.WriteRequest{nil, {StreamName: "ownership-a"}, {StreamName: "-"}}},
		&messagestorev1.WriteEachRequest{Writes: []*messagestorev1.WriteRequest{nil, {StreamName: "a-1"}, {StreamName: "ownership-a"}}},
		&messagestorev1.ReadRequest{Source: &messagestorev1.ReadRequest_StreamName{StreamName: "a-1"}, Limit: -1},
		&messagestorev1.SubscribeRequest{FromPosition: -1, After: []*messagestorev1.Place{nil, {Position: 1 << 62}}},
		&messagestorev1.SubscribeRequest{Filter: &messagestorev1.Filter{ConsumerGroup: &messagestorev1.ConsumerGroup{Member: -1}}},
		&messagestorev1.GetMessageRequest{By: &messagestorev1.GetMessageRequest_Last{}},
		&messagestorev1.ListStreamsRequest{PageToken: "AAAA", PageSize: -1},
		&messagestorev1.TransferOwnershipRequest{Category: "a", Owner: "\x7f"},
	} {
		bytes, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		for call := range uint8(len((&service{}).calls())) {
			f.Add(call, bytes)
		}
	}
	w := serve(teststore.New(f), ServerOptions{}, func(*Server) {})
	f.Cleanup(func() {
		w.stop()
		if err := <-w.stopped; err != nil {
			f.Errorf("run the server: %v", err)
		}
	})
	calls := w.server.service.calls()
	f.Fuzz(func(t *testing.T, call uint8, bytes []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := (authInterceptor{}).intercept(ctx, interceptor.Method{}, func(ctx context.Context) error {
			return calls[int(call)%len(calls)](ctx, bytes)
		})
		switch status.Code(err) {
		case codes.Internal, codes.Unknown, codes.DeadlineExceeded, codes.Unavailable:
			t.Errorf("call %d with %q: %v", int(call)%len(calls), bytes, err)
		}
	})
}

// calls returns all RPCs but GetStatus, whose request is empty. Each returns nil if
// the bytes are not its request, and receives only the first response of a stream.
func (s *service) calls() []func(context.Context, []byte) error {
	return []func(context.Context, []byte) error{
		decoded(s.Write), decoded(s.WriteBatch),
		decoded(func(ctx context.Context, r *messagestorev1.WriteEachRequest) (*messagestorev1.WriteEachResponse, error) {
			response, err := s.WriteEach(ctx, r)
			for _, result := range response.GetResults() {
				err = errors.Join(err, status.ErrorProto(result.GetError()))
			}
			return response, err
		}),
		decoded(func(ctx context.Context, r *messagestorev1.ReadRequest) (none struct{}, err error) {
			for _, err := range s.store.Read(ctx, fromRead(r)) {
				return none, err
			}
			return none, nil
		}),
		decoded(func(ctx context.Context, r *messagestorev1.SubscribeRequest) (none struct{}, err error) {
			subscription, err := fromSubscription(r)
			if err != nil {
				return none, err
			}
			for _, err := range s.store.Subscribe(ctx, subscription) {
				return none, err
			}
			return none, nil
		}),
		decoded(s.GetMessage), decoded(s.ListStreams), decoded(s.ListCategories), decoded(s.TransferOwnership),
	}
}

// decoded returns the call with the request in its encoding.
func decoded[Q any, P interface {
	*Q
	proto.Message
}, R any](call func(context.Context, P) (R, error)) func(context.Context, []byte) error {
	return func(ctx context.Context, bytes []byte) error {
		request := P(new(Q))
		if proto.Unmarshal(bytes, request) != nil {
			return nil //nolint:nilerr // the bytes are not a request of this RPC
		}
		_, err := call(ctx, request)
		return err
	}
}
