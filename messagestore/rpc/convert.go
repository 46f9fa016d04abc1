package rpc

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// maxCall bounds a request, in bytes on the wire.
const maxCall = 4 << 20

// checkSize refuses a request that is too large. The field is what makes it so.
func checkSize(request proto.Message, field string) error {
	if size := proto.Size(request); size > maxCall {
		return invalid(field, "%d bytes in a call, at most %d are allowed", size, maxCall)
	}
	return nil
}

func invalid(field, format string, a ...any) error {
	return &messagestore.InvalidError{Violations: []messagestore.Violation{{Field: field, Description: fmt.Sprintf(format, a...)}}}
}

func toWrite(w messagestore.Write) *messagestorev1.WriteRequest {
	request := &messagestorev1.WriteRequest{StreamName: string(w.Stream), ExpectedVersion: toExpected(w.Expected)}
	for _, m := range w.Messages {
		request.Messages = append(request.Messages, &messagestorev1.NewMessage{Id: m.ID, Type: m.Type, Data: m.Data, Metadata: m.Metadata})
	}
	return request
}

// fromWrite returns a write. The field is the path of the request, for errors.
func fromWrite(r *messagestorev1.WriteRequest, field string) (messagestore.Write, error) {
	expected, ok := fromExpected(r.ExpectedVersion)
	if !ok {
		return messagestore.Write{}, invalid(field+"expected_version", "has no kind: one of exactly, none, exists, or no expected_version")
	}
	w := messagestore.Write{Stream: messagestore.Stream(r.StreamName), Expected: expected}
	for _, m := range r.Messages {
		w.Messages = append(w.Messages, messagestore.NewMessage{ID: m.Id, Type: m.Type, Data: m.Data, Metadata: m.Metadata})
	}
	return w, nil
}

func toExpected(v messagestore.Version) *messagestorev1.ExpectedVersion {
	switch {
	case v == messagestore.Any:
		return nil
	case v == messagestore.None:
		return &messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_None{None: &emptypb.Empty{}}}
	case v == messagestore.Exists:
		return &messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_Exists{Exists: &emptypb.Empty{}}}
	case v < messagestore.Exists:
		v -= messagestore.Exists
	}
	return &messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_Exactly{Exactly: int64(v)}}
}

// fromExpected returns the version, and whether there is one. A negative number
// cannot stay what it is: -1 to -3 have a meaning in Go. It becomes one below
// those, which the Store refuses and names as it was.
func fromExpected(e *messagestorev1.ExpectedVersion) (messagestore.Version, bool) {
	if e == nil {
		return messagestore.Any, true
	}
	switch kind := e.Kind.(type) {
	case *messagestorev1.ExpectedVersion_Exactly:
		v := messagestore.Version(kind.Exactly)
		if v < 0 {
			v = max(v, math.MinInt64-messagestore.Exists) + messagestore.Exists
		}
		return v, true
	case *messagestorev1.ExpectedVersion_None:
		return messagestore.None, true
	case *messagestorev1.ExpectedVersion_Exists:
		return messagestore.Exists, true
	}
	return 0, false
}

func toWritten(w messagestore.Written) *messagestorev1.WriteResponse {
	return &messagestorev1.WriteResponse{Position: w.Position, GlobalPosition: w.GlobalPosition, AlreadyStored: w.AlreadyStored}
}

func fromWritten(r *messagestorev1.WriteResponse) messagestore.Written {
	return messagestore.Written{Position: r.GetPosition(), GlobalPosition: r.GetGlobalPosition(), AlreadyStored: r.GetAlreadyStored()}
}

func toMessage(m *messagestore.Message) *messagestorev1.Message {
	return &messagestorev1.Message{
		Id:             m.ID,
		StreamName:     string(m.Stream),
		Type:           m.Type,
		Data:           m.Data,
		Metadata:       m.Metadata,
		Position:       m.Position,
		GlobalPosition: m.GlobalPosition,
		Time:           timestamppb.New(m.Time),
		Writer:         string(m.Writer),
	}
}

func fromMessage(m *messagestorev1.Message) messagestore.Message {
	return messagestore.Message{
		ID:             m.GetId(),
		Stream:         messagestore.Stream(m.GetStreamName()),
		Type:           m.GetType(),
		Data:           m.GetData(),
		Metadata:       m.GetMetadata(),
		Position:       m.GetPosition(),
		GlobalPosition: m.GetGlobalPosition(),
		Time:           m.GetTime().AsTime(),
		Writer:         messagestore.Principal(m.GetWriter()),
	}
}

func toPlace(p messagestore.Place) *messagestorev1.Place {
	return &messagestorev1.Place{Position: p.Position, MessageId: p.ID}
}

func fromPlace(p *messagestorev1.Place) messagestore.Place {
	return messagestore.Place{Position: p.GetPosition(), ID: p.GetMessageId()}
}
