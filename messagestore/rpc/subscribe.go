package rpc

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

var errStopping = &messagestore.UnavailableError{Reason: "the server is stopping"}

// Subscribe ends when the server stops: else it would never be drained.
func (s *service) Subscribe(r *messagestorev1.SubscribeRequest, stream grpc.ServerStreamingServer[messagestorev1.SubscribeResponse]) error {
	subscription, err := fromSubscription(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.stopping, func() { cancel(errStopping) })()

	for event, err := range s.store.Subscribe(ctx, subscription) {
		if err == nil {
			err = send(stream, event)
		}
		if err == nil {
			continue
		}
		if errors.Is(context.Cause(ctx), errStopping) {
			return errStopping
		}
		return err
	}
	return nil // not reached: a subscription ends with an error
}

func send(stream grpc.ServerStreamingServer[messagestorev1.SubscribeResponse], event messagestore.Event) error {
	switch e := event.(type) {
	case messagestore.Messages:
		b := batch{send: func(messages []*messagestorev1.Message) error {
			return stream.Send(&messagestorev1.SubscribeResponse{Event: &messagestorev1.SubscribeResponse_Messages{
				Messages: &messagestorev1.MessageBatch{Messages: messages},
			}})
		}}
		for i := range e {
			if err := b.add(&e[i]); err != nil {
				return err
			}
		}
		return b.flush()
	case messagestore.Started:
		return stream.Send(&messagestorev1.SubscribeResponse{Event: &messagestorev1.SubscribeResponse_Started{
			Started: &messagestorev1.Started{HeartbeatInterval: durationpb.New(e.HeartbeatInterval), HeadPosition: e.HeadPosition},
		}})
	case messagestore.CaughtUp:
		return stream.Send(&messagestorev1.SubscribeResponse{Event: &messagestorev1.SubscribeResponse_CaughtUp{
			CaughtUp: &messagestorev1.CaughtUp{Place: toPlace(e.Place)},
		}})
	case messagestore.Progress:
		return stream.Send(&messagestorev1.SubscribeResponse{Event: &messagestorev1.SubscribeResponse_Progress{
			Progress: &messagestorev1.Progress{Place: toPlace(e.Place)},
		}})
	}
	return nil
}

// toEvent returns the event of a response, or nil for one that a newer server
// may have.
func toEvent(r *messagestorev1.SubscribeResponse) messagestore.Event {
	switch e := r.Event.(type) {
	case *messagestorev1.SubscribeResponse_Started:
		return messagestore.Started{
			HeartbeatInterval: e.Started.GetHeartbeatInterval().AsDuration(), HeadPosition: e.Started.GetHeadPosition(),
		}
	case *messagestorev1.SubscribeResponse_Messages:
		var messages messagestore.Messages
		for _, m := range e.Messages.GetMessages() {
			messages = append(messages, fromMessage(m))
		}
		if len(messages) == 0 {
			return nil
		}
		return messages
	case *messagestorev1.SubscribeResponse_CaughtUp:
		return messagestore.CaughtUp{Place: fromPlace(e.CaughtUp.GetPlace())}
	case *messagestorev1.SubscribeResponse_Progress:
		return messagestore.Progress{Place: fromPlace(e.Progress.GetPlace())}
	}
	return nil
}
