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

// checkSize returns an *InvalidError of the field if the request is larger than
// maxCall.
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

// fromWrite returns a write. In an error, prefix comes before the field.
func fromWrite(r *messagestorev1.WriteRequest, prefix string) (messagestore.Write, error) {
	expected, ok := fromExpected(r.GetExpectedVersion())
	if !ok {
		return messagestore.Write{}, invalid(prefix+"expected_version", "has no kind: one of exactly, none, exists, or no expected_version")
	}
	w := messagestore.Write{Stream: messagestore.Stream(r.GetStreamName()), Expected: expected}
	for _, m := range r.GetMessages() {
		w.Messages = append(w.Messages, messagestore.NewMessage{ID: m.GetId(), Type: m.GetType(), Data: m.GetData(), Metadata: m.GetMetadata()})
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

// fromExpected returns the version, and whether the request has a valid kind. The
// negative numbers -1 to -3 have a meaning in Go, so a negative number from the
// wire is moved below Exists. The Store rejects it, and its error has the original
// number.
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
		Id: m.ID, StreamName: string(m.Stream), Type: m.Type, Data: m.Data, Metadata: m.Metadata,
		Position: m.Position, GlobalPosition: m.GlobalPosition, Time: timestamppb.New(m.Time), Writer: string(m.Writer),
	}
}

func fromMessage(m *messagestorev1.Message) messagestore.Message {
	return messagestore.Message{
		ID: m.GetId(), Stream: messagestore.Stream(m.GetStreamName()), Type: m.GetType(), Data: m.GetData(), Metadata: m.GetMetadata(),
		Position: m.GetPosition(), GlobalPosition: m.GetGlobalPosition(), Time: m.GetTime().AsTime(), Writer: messagestore.Principal(m.GetWriter()),
	}
}

func toPlace(p messagestore.Place) *messagestorev1.Place {
	return &messagestorev1.Place{Position: p.Position, MessageId: p.ID}
}

func fromPlace(p *messagestorev1.Place) messagestore.Place {
	return messagestore.Place{Position: p.GetPosition(), ID: p.GetMessageId()}
}

// pageSize returns the size for the wire. A size that int32 cannot hold is beyond
// the bounds of every Store, and stays so.
func pageSize(r messagestore.ListRequest) int32 {
	return int32(min(max(r.Size, math.MinInt32), math.MaxInt32)) //nolint:gosec // bounded
}

func toListStreams(r messagestore.ListRequest) *messagestorev1.ListStreamsRequest {
	return &messagestorev1.ListStreamsRequest{Category: string(r.Category), PageSize: pageSize(r), PageToken: r.Token}
}

func toListCategories(r messagestore.ListRequest) *messagestorev1.ListCategoriesRequest {
	return &messagestorev1.ListCategoriesRequest{Category: string(r.Category), PageSize: pageSize(r), PageToken: r.Token}
}

// fromList returns a ListStreamsRequest or a ListCategoriesRequest.
func fromList(r interface {
	GetCategory() string
	GetPageSize() int32
	GetPageToken() string
}) messagestore.ListRequest {
	return messagestore.ListRequest{Category: messagestore.Category(r.GetCategory()), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
}

func toStreamPage(p messagestore.StreamPage) *messagestorev1.ListStreamsResponse {
	response := &messagestorev1.ListStreamsResponse{NextPageToken: p.Next}
	for _, s := range p.Streams {
		response.Streams = append(response.Streams, &messagestorev1.Stream{
			Name: string(s.Stream), Messages: s.Messages, LastPosition: s.LastPosition, LastTime: timestamppb.New(s.LastTime),
		})
	}
	return response
}

func fromStreamPage(r *messagestorev1.ListStreamsResponse) messagestore.StreamPage {
	page := messagestore.StreamPage{Next: r.GetNextPageToken()}
	for _, s := range r.GetStreams() {
		page.Streams = append(page.Streams, messagestore.StreamInfo{
			Stream: messagestore.Stream(s.GetName()), Messages: s.GetMessages(), LastPosition: s.GetLastPosition(), LastTime: s.GetLastTime().AsTime(),
		})
	}
	return page
}

func toCategoryPage(p messagestore.CategoryPage) *messagestorev1.ListCategoriesResponse {
	response := &messagestorev1.ListCategoriesResponse{NextPageToken: p.Next}
	for _, c := range p.Categories {
		response.Categories = append(response.Categories, &messagestorev1.Category{
			Name: string(c.Category), Owner: string(c.Owner), Streams: c.Streams, Messages: c.Messages,
		})
	}
	return response
}

func fromCategoryPage(r *messagestorev1.ListCategoriesResponse) messagestore.CategoryPage {
	page := messagestore.CategoryPage{Next: r.GetNextPageToken()}
	for _, c := range r.GetCategories() {
		page.Categories = append(page.Categories, messagestore.CategoryInfo{
			Category: messagestore.Category(c.GetName()), Owner: messagestore.Principal(c.GetOwner()), Streams: c.GetStreams(), Messages: c.GetMessages(),
		})
	}
	return page
}
