package rpc

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func toRead(r messagestore.ReadRequest) (*messagestorev1.ReadRequest, error) {
	request := &messagestorev1.ReadRequest{
		FromPosition: r.From, Backward: r.Backward, Limit: r.Limit, Filter: toFilter(r.Filter),
	}
	switch s := r.Source; {
	case s.All:
		request.Source = &messagestorev1.ReadRequest_All{All: &messagestorev1.All{}}
	case s.IsStream():
		request.Source = &messagestorev1.ReadRequest_StreamName{StreamName: string(s.Stream)}
	case s.Categories != nil:
		request.Source = &messagestorev1.ReadRequest_Categories{Categories: toCategories(s.Categories)}
	}
	return request, checkSource(r.Source)
}

func fromRead(r *messagestorev1.ReadRequest) messagestore.ReadRequest {
	return messagestore.ReadRequest{
		Source: fromSource(r), From: r.FromPosition, Backward: r.Backward, Limit: r.Limit, Filter: fromFilter(r.Filter),
	}
}

func toSubscription(s messagestore.Subscription) (*messagestorev1.SubscribeRequest, error) {
	request := &messagestorev1.SubscribeRequest{FromPosition: s.From, Filter: toFilter(s.Filter)}
	if s.After != nil {
		request.After = []*messagestorev1.Place{toPlace(*s.After)}
	}
	switch s := s.Source; {
	case s.All:
		request.Source = &messagestorev1.SubscribeRequest_All{All: &messagestorev1.All{}}
	case s.IsStream():
		request.Source = &messagestorev1.SubscribeRequest_StreamName{StreamName: string(s.Stream)}
	case s.Categories != nil:
		request.Source = &messagestorev1.SubscribeRequest_Categories{Categories: toCategories(s.Categories)}
	}
	return request, checkSource(s.Source)
}

func fromSubscription(r *messagestorev1.SubscribeRequest) (messagestore.Subscription, error) {
	s := messagestore.Subscription{Source: fromSource(r), From: r.FromPosition, Filter: fromFilter(r.Filter)}
	if len(r.After) > 1 {
		return s, invalid("after", "%d places, at most 1 is allowed: a store has one log", len(r.After))
	}
	if len(r.After) == 1 {
		place := fromPlace(r.After[0])
		s.After = &place
	}
	return s, nil
}

// fromSource returns the source of a ReadRequest or a SubscribeRequest.
func fromSource(r interface {
	GetStreamName() string
	GetCategories() *messagestorev1.Categories
	GetAll() *messagestorev1.All
}) messagestore.Source {
	source := messagestore.Source{Stream: messagestore.Stream(r.GetStreamName()), All: r.GetAll() != nil}
	for _, name := range r.GetCategories().GetNames() {
		source.Categories = append(source.Categories, messagestore.Category(name))
	}
	return source
}

func toCategories(categories []messagestore.Category) *messagestorev1.Categories {
	names := &messagestorev1.Categories{}
	for _, c := range categories {
		names.Names = append(names.Names, string(c))
	}
	return names
}

// checkSource returns an *InvalidError if the source is more than one of a stream,
// categories and all, which a request cannot express.
func checkSource(s messagestore.Source) error {
	if s.All && s.IsStream() || len(s.Categories) > 0 && (s.All || s.IsStream()) {
		return invalid("source", "more than one is named: one of stream_name, categories, all is allowed")
	}
	return nil
}

func toFilter(f messagestore.Filter) *messagestorev1.Filter {
	filter := &messagestorev1.Filter{
		Types: f.Types, OriginCategory: string(f.Origin), CorrelationCategory: string(f.Correlation),
	}
	if f.Group != nil {
		filter.ConsumerGroup = &messagestorev1.ConsumerGroup{Member: f.Group.Member, Size: f.Group.Size}
	}
	return filter
}

func fromFilter(f *messagestorev1.Filter) messagestore.Filter {
	filter := messagestore.Filter{
		Types:       f.GetTypes(),
		Origin:      messagestore.Category(f.GetOriginCategory()),
		Correlation: messagestore.Category(f.GetCorrelationCategory()),
	}
	if g := f.GetConsumerGroup(); g != nil {
		filter.Group = &messagestore.ConsumerGroup{Member: g.Member, Size: g.Size}
	}
	return filter
}

// checkText returns an *InvalidError with the fields of a request that are not
// UTF-8, which no proto can carry.
func checkText(request proto.Message) error {
	var violations []messagestore.Violation
	_ = protorange.Range(request.ProtoReflect(), func(p protopath.Values) error {
		if s, ok := p.Index(-1).Value.Interface().(string); ok && !utf8.ValidString(s) {
			violations = append(violations, messagestore.Violation{
				Field:       strings.TrimPrefix(p.Path[1:].String(), "."), // without the type of the request
				Description: fmt.Sprintf("%.64q is not UTF-8", s),
			})
		}
		return nil
	})
	if len(violations) == 0 {
		return nil
	}
	return &messagestore.InvalidError{Violations: violations}
}
