package rpc

import (
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func (s *service) Subscribe(r *messagestorev1.SubscribeRequest, stream grpc.ServerStreamingServer[messagestorev1.SubscribeResponse]) error {
	subscription, err := fromSubscription(r)
	if err != nil {
		return err
	}
	for event, err := range s.store.Subscribe(stream.Context(), subscription) {
		if err == nil {
			err = sendEvent(stream, event)
		}
		if err != nil {
			return err
		}
	}
	return nil // unreachable: every subscription ends with an error
}

func sendEvent(stream grpc.ServerStreamingServer[messagestorev1.SubscribeResponse], event messagestore.Event) error {
	response := &messagestorev1.SubscribeResponse{}
	switch e := event.(type) {
	case messagestore.Messages:
		all := func(yield func(messagestore.Message, error) bool) {
			for _, m := range e {
				if !yield(m, nil) {
					return
				}
			}
		}
		return sendMessages(all, func(messages []*messagestorev1.Message) error {
			return stream.Send(&messagestorev1.SubscribeResponse{Event: &messagestorev1.SubscribeResponse_Messages{
				Messages: &messagestorev1.MessageBatch{Messages: messages},
			}})
		})
	case messagestore.Started:
		response.Event = &messagestorev1.SubscribeResponse_Started{
			Started: &messagestorev1.Started{HeartbeatInterval: durationpb.New(e.HeartbeatInterval), HeadPosition: e.HeadPosition},
		}
	case messagestore.CaughtUp:
		response.Event = &messagestorev1.SubscribeResponse_CaughtUp{CaughtUp: &messagestorev1.CaughtUp{Place: toPlace(e.Place)}}
	case messagestore.Progress:
		response.Event = &messagestorev1.SubscribeResponse_Progress{Progress: &messagestorev1.Progress{Place: toPlace(e.Place)}}
	default:
		return nil
	}
	return stream.Send(response)
}

// fromEvent returns the event of a response, or nil if it has none that this
// client knows.
func fromEvent(r *messagestorev1.SubscribeResponse) messagestore.Event {
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
