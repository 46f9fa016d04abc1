package rpc

import (
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
			t.Errorf("%d there and back: %d", v, got)
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
		// Below Exists, where the Store refuses it.
		{exactly(-1), -4},
		{exactly(-2), -5},
		{exactly(-3), -6},
		{exactly(math.MinInt64 + 3), math.MinInt64},
		{exactly(math.MinInt64), math.MinInt64},
	} {
		if got, ok := fromExpected(test.wire); !ok || got != test.want {
			t.Errorf("%v is %d, expected %d", test.wire, got, test.want)
		}
	}
	if _, ok := fromExpected(&messagestorev1.ExpectedVersion{}); ok {
		t.Error("an expected version without a kind is one")
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
				t.Errorf("read there and back: %+v, expected %+v", got, r)
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
				t.Errorf("subscription there and back: %+v %v, expected %+v", got, err, s)
			}
		}
	}
}

// overTheWire returns what the other side gets.
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

// TestInexpressible has what one side can say and the other cannot.
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
		{notText(&messagestorev1.WriteBatchRequest{Writes: []*messagestorev1.WriteRequest{
			{Messages: []*messagestorev1.NewMessage{{Data: "\xff"}}},
		}}), "writes[0].messages[0].data"},
		{notText(&messagestorev1.ReadRequest{Source: &messagestorev1.ReadRequest_StreamName{StreamName: "\xff"}}), "stream_name"},
	} {
		invalid, ok := test.err.(*messagestore.InvalidError) //nolint:errorlint // exactly this
		if !ok || len(invalid.Violations) != 1 || invalid.Violations[0].Field != test.field {
			t.Errorf("%v, expected one violation, of %s", test.err, test.field)
		}
	}
	if err := notText(&messagestorev1.WriteRequest{StreamName: "é"}); err != nil {
		t.Error(err)
	}
}

func TestMessage(t *testing.T) {
	m := messagestore.Message{
		ID: "i", Stream: "a-1", Type: "T", Data: `{"a": 1}`, Metadata: "{}", Position: 1, GlobalPosition: 2,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Writer: "w",
	}
	if got := fromMessage(overTheWire(t, toMessage(&m))); got != m {
		t.Errorf("there and back: %+v, expected %+v", got, m)
	}
}

func TestBatch(t *testing.T) {
	for name, test := range map[string]struct {
		bytes []int // of data
		want  []int // messages a response
	}{
		"none":               {nil, nil},
		"small":              {[]int{1, 2, 3}, []int{3}},
		"many":               {make([]int, 2500), []int{1000, 1000, 500}},
		"large":              {[]int{600 << 10, 600 << 10, 300 << 10}, []int{1, 2}},
		"one of the largest": {[]int{1, 1 << 20, 1}, []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			b := batch{send: func(messages []*messagestorev1.Message) error {
				got = append(got, len(messages))
				if size := proto.Size(&messagestorev1.ReadResponse{Messages: messages}); size > 2<<20 {
					t.Errorf("a response has %d bytes", size)
				}
				return nil
			}}
			for _, n := range test.bytes {
				if err := b.add(&messagestore.Message{Data: strings.Repeat("x", n)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.flush(); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("responses of %v messages, expected %v", got, test.want)
			}
		})
	}
}
