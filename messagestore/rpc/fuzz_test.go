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
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// FuzzRequests makes each call of a server with Postgres from any bytes that are a
// request, and checks that the answer is never INTERNAL or late.
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
		for call := range uint8(calls) {
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
	f.Fuzz(func(t *testing.T, call uint8, bytes []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := (authInterceptor{}).intercept(ctx, interceptor.Method{}, func(ctx context.Context) error {
			return w.server.service.call(ctx, call, bytes)
		})
		switch status.Code(err) {
		case codes.Internal, codes.Unknown, codes.DeadlineExceeded, codes.Unavailable:
			t.Errorf("call %d with %q: %v", call%calls, bytes, err)
		}
	})
}

// calls is the number of methods of call.
const calls = 9

// call makes a call with the bytes if they are its request. Of a stream it receives
// the first response.
func (s *service) call(ctx context.Context, call uint8, bytes []byte) error {
	requests := [calls]proto.Message{
		&messagestorev1.WriteRequest{}, &messagestorev1.WriteBatchRequest{}, &messagestorev1.WriteEachRequest{}, &messagestorev1.ReadRequest{}, &messagestorev1.SubscribeRequest{},
		&messagestorev1.GetMessageRequest{}, &messagestorev1.ListStreamsRequest{}, &messagestorev1.ListCategoriesRequest{}, &messagestorev1.TransferOwnershipRequest{},
	}
	request := requests[call%calls]
	if proto.Unmarshal(bytes, request) != nil {
		return nil
	}
	var err error
	switch r := request.(type) {
	case *messagestorev1.WriteRequest:
		_, err = s.Write(ctx, r)
	case *messagestorev1.WriteBatchRequest:
		_, err = s.WriteBatch(ctx, r)
	case *messagestorev1.WriteEachRequest:
		var response *messagestorev1.WriteEachResponse
		response, err = s.WriteEach(ctx, r)
		for _, result := range response.GetResults() {
			err = errors.Join(err, status.ErrorProto(result.GetError()))
		}
	case *messagestorev1.ReadRequest:
		for _, err := range s.store.Read(ctx, fromRead(r)) {
			return err
		}
	case *messagestorev1.SubscribeRequest:
		var subscription messagestore.Subscription
		if subscription, err = fromSubscription(r); err == nil {
			for _, err := range s.store.Subscribe(ctx, subscription) {
				return err
			}
		}
	case *messagestorev1.GetMessageRequest:
		_, err = s.GetMessage(ctx, r)
	case *messagestorev1.ListStreamsRequest:
		_, err = s.ListStreams(ctx, r)
	case *messagestorev1.ListCategoriesRequest:
		_, err = s.ListCategories(ctx, r)
	case *messagestorev1.TransferOwnershipRequest:
		_, err = s.TransferOwnership(ctx, r)
	}
	return err
}
