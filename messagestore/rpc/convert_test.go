package rpc

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func TestExpected(t *testing.T) {
	for _, v := range []messagestore.Version{
		messagestore.Any, messagestore.None, messagestore.Exists, 0, 1, math.MaxInt64, messagestore.Exists - 1, math.MinInt64,
	} {
		got, ok := fromExpected(toExpected(v))
		if !ok || got != v {
			t.Errorf("%d converted there and back: %d", v, got)
		}
	}
	exactly := func(n int64) *messagestorev1.ExpectedVersion {
		return &messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_Exactly{Exactly: n}}
	}
	for _, test := range []struct {
		wire *messagestorev1.ExpectedVersion
		want messagestore.Version
	}{
		{nil, messagestore.Any},
		{&messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_None{None: &emptypb.Empty{}}}, messagestore.None},
		{&messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_Exists{}}, messagestore.Exists},
		{exactly(3), 3},
		// Below Exists, where the Store rejects it.
		{exactly(-1), -4},
		{exactly(-2), -5},
		{exactly(-3), -6},
		{exactly(math.MinInt64 + 3), math.MinInt64},
		{exactly(math.MinInt64), math.MinInt64},
	} {
		if got, ok := fromExpected(test.wire); !ok || got != test.want {
			t.Errorf("%v: %d, want %d", test.wire, got, test.want)
		}
	}
	if _, ok := fromExpected(&messagestorev1.ExpectedVersion{}); ok {
		t.Error("an expected version without a kind is accepted")
	}
}

func TestRequests(t *testing.T) {
	from, filter := int64(0), messagestore.Filter{
		Types: []string{"A", "B"}, Group: &messagestore.ConsumerGroup{Member: 1, Size: 3}, Origin: "o", Correlation: "c",
	}
	for _, source := range []messagestore.Source{
		{}, messagestore.OfAll(), messagestore.OfStream("a-1"), messagestore.OfCategories("a", "b"), messagestore.OfCategories(),
	} {
		for _, r := range []messagestore.ReadRequest{
			{Source: source},
			{Source: source, From: &from, Backward: true, Limit: -7, Filter: filter},
		} {
			request, err := toRead(r)
			if err != nil {
				t.Fatal(err)
			}
			if got := fromRead(overTheWire(t, request)); !reflect.DeepEqual(got, r) {
				t.Errorf("read converted there and back: %+v, want %+v", got, r)
			}
		}
		for _, s := range []messagestore.Subscription{
			{Source: source, From: -3},
			{Source: source, After: &messagestore.Place{}, Filter: filter},
			{Source: source, From: 5, After: &messagestore.Place{Position: -1, ID: "x"}},
		} {
			request, err := toSubscription(s)
			if err != nil {
				t.Fatal(err)
			}
			got, err := fromSubscription(overTheWire(t, request))
			if err != nil || !reflect.DeepEqual(got, s) {
				t.Errorf("subscription converted there and back: %+v %v, want %+v", got, err, s)
			}
		}
	}
}

// overTheWire marshals and unmarshals m.
func overTheWire[M proto.Message](t *testing.T, m M) M {
	t.Helper()
	bytes, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := m.ProtoReflect().New().Interface().(M)
	if err := proto.Unmarshal(bytes, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestInexpressible checks the errors of values that only one side can express.
func TestInexpressible(t *testing.T) {
	two := messagestore.Source{Stream: "a-1", All: true}
	_, readErr := toRead(messagestore.ReadRequest{Source: two})
	_, subscriptionErr := toSubscription(messagestore.Subscription{Source: two})
	_, afterErr := fromSubscription(&messagestorev1.SubscribeRequest{After: []*messagestorev1.Place{{}, {}}})
	_, expectedErr := fromWrite(&messagestorev1.WriteRequest{ExpectedVersion: &messagestorev1.ExpectedVersion{}}, "writes[2].")
	for _, test := range []struct {
		err   error
		field string
	}{
		{readErr, "source"},
		{subscriptionErr, "source"},
		{afterErr, "after"},
		{expectedErr, "writes[2].expected_version"},
		{checkText(&messagestorev1.WriteBatchRequest{Writes: []*messagestorev1.WriteRequest{
			{Messages: []*messagestorev1.NewMessage{{Data: "\xff"}}},
		}}), "writes[0].messages[0].data"},
		{checkText(&messagestorev1.ReadRequest{Source: &messagestorev1.ReadRequest_StreamName{StreamName: "\xff"}}), "stream_name"},
	} {
		invalid, ok := test.err.(*messagestore.InvalidError) //nolint:errorlint // this type, not wrapped
		if !ok || len(invalid.Violations) != 1 || invalid.Violations[0].Field != test.field {
			t.Errorf("%v, want one violation, of %s", test.err, test.field)
		}
	}
	if err := checkText(&messagestorev1.WriteRequest{StreamName: "é"}); err != nil {
		t.Error(err)
	}
}

func TestMessage(t *testing.T) {
	m := messagestore.Message{
		ID: "i", Stream: "a-1", Type: "T", Data: `{"a": 1}`, Metadata: "{}", Position: 1, GlobalPosition: 2,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Writer: "w",
	}
	if got := fromMessage(overTheWire(t, toMessage(&m))); got != m {
		t.Errorf("converted there and back: %+v, want %+v", got, m)
	}
}

func TestSendMessages(t *testing.T) {
	for name, test := range map[string]struct {
		bytes []int // of data, by message
		want  []int // messages by response
	}{
		"none":      {nil, nil},
		"small":     {[]int{1, 2, 3}, []int{3}},
		"many":      {make([]int, 2500), []int{1000, 1000, 500}},
		"large":     {[]int{600 << 10, 600 << 10, 300 << 10}, []int{1, 2}},
		"one large": {[]int{1, 1 << 20, 1}, []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			messages := func(yield func(messagestore.Message, error) bool) {
				for _, n := range test.bytes {
					if !yield(messagestore.Message{Data: strings.Repeat("x", n)}, nil) {
						return
					}
				}
			}
			err := sendMessages(messages, func(messages []*messagestorev1.Message) error {
				got = append(got, len(messages))
				if size := proto.Size(&messagestorev1.ReadResponse{Messages: messages}); size > 2<<20 {
					t.Errorf("a response has %d bytes", size)
				}
				return nil
			})
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("responses of %v messages, %v, want %v", got, err, test.want)
			}
		})
	}
}

// TestLists checks that list requests and pages cross the wire unchanged.
func TestLists(t *testing.T) {
	streams := messagestore.StreamPage{Next: "more", Streams: []messagestore.StreamInfo{
		{Stream: "a-1", Messages: 3, LastPosition: 2, LastTime: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)},
		{Stream: "a-2", Messages: math.MaxInt64, LastPosition: math.MaxInt64 - 1, LastTime: time.Unix(0, 0).UTC()},
	}}
	categories := messagestore.CategoryPage{Next: "more", Categories: []messagestore.CategoryInfo{
		{Category: "a", Owner: "spiffe://videotutorials/application", Streams: 2, Messages: 3},
		{Category: "b"},
	}}
	var received messagestore.ListRequest
	w := connect(t, fakeStore{
		streams: func(r messagestore.ListRequest) (messagestore.StreamPage, error) {
			received = r
			return streams, nil
		},
		categories: func(r messagestore.ListRequest) (messagestore.CategoryPage, error) {
			received = r
			return categories, nil
		},
	})
	for _, request := range []messagestore.ListRequest{{}, {Category: "a", Size: 1000, Token: "t"}, {Size: -1}} {
		if page, err := w.Streams(t.Context(), request); err != nil || !reflect.DeepEqual(page, streams) || received != request {
			t.Errorf("streams for %+v, received as %+v: %+v %v", request, received, page, err)
		}
		received = messagestore.ListRequest{}
		if page, err := w.Categories(t.Context(), request); err != nil || !reflect.DeepEqual(page, categories) || received != request {
			t.Errorf("categories for %+v, received as %+v: %+v %v", request, received, page, err)
		}
	}
	for _, size := range []int{math.MaxInt, math.MinInt} {
		if _, err := w.Streams(t.Context(), messagestore.ListRequest{Size: size}); err != nil || (received.Size < 0) != (size < 0) || received.Size == 0 {
			t.Errorf("size %d is received as %d, %v", size, received.Size, err)
		}
	}
}

func TestTransferOwnership(t *testing.T) {
	var attempts int
	w := connect(t, fakeStore{transfer: func(c messagestore.Category, to messagestore.Principal) (messagestore.Principal, error) {
		switch attempts++; {
		case c != "a" || to != "new":
			return "", &messagestore.NotOperatorError{}
		case attempts == 1:
			return "", &messagestore.UnavailableError{Reason: "not yet"}
		}
		return "old", nil
	}})
	if from, err := w.TransferOwnership(t.Context(), "a", "new"); err != nil || from != "old" || attempts != 2 {
		t.Errorf("from %q %v after %d attempts, want success at the second", from, err, attempts)
	}
	var notOperator *messagestore.NotOperatorError
	if _, err := w.TransferOwnership(t.Context(), "b", "new"); !errors.As(err, &notOperator) {
		t.Errorf("%v, want a *NotOperatorError", err)
	}
}

// TestLists_Failure checks that a failed list returns the Store's error and no page.
func TestLists_Failure(t *testing.T) {
	invalid := &messagestore.InvalidError{Violations: []messagestore.Violation{{Field: "page_token", Description: "is not of this list"}}}
	w := connect(t, fakeStore{
		streams: func(messagestore.ListRequest) (messagestore.StreamPage, error) {
			return messagestore.StreamPage{Next: "nothing"}, invalid
		},
		categories: func(messagestore.ListRequest) (messagestore.CategoryPage, error) {
			return messagestore.CategoryPage{Next: "nothing"}, invalid
		},
	})
	streams, streamsErr := w.Streams(t.Context(), messagestore.ListRequest{})
	categories, categoriesErr := w.Categories(t.Context(), messagestore.ListRequest{})
	for name, err := range map[string]error{"streams": streamsErr, "categories": categoriesErr} {
		if !reflect.DeepEqual(err, invalid) {
			t.Errorf("%s: %v, want %v", name, err, invalid)
		}
	}
	if streams.Next != "" || categories.Next != "" {
		t.Errorf("pages with the errors: %+v %+v", streams, categories)
	}
}
