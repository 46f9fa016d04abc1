package contract_test

import (
	"reflect"
	"testing"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	viewingv1 "videotutorials/proto/viewing/v1"
)

func TestSubscription(t *testing.T) {
	got, err := contract.Subscription([]contract.Kind{{Category: "b", Type: "Y"}, {Category: "a", Type: "Y"}, {Category: "b", Type: "X"}})
	want := messagestore.Subscription{
		Source: messagestore.OfCategories("a", "b"),
		Filter: messagestore.Filter{Types: []string{"X", "Y"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Subscription = %+v, %v, want %+v", got, err, want)
	}
	for _, kinds := range [][]contract.Kind{nil, {{Category: "a", Type: "X"}, {Category: "a", Type: "X"}}} {
		if got, err := contract.Subscription(kinds); err == nil {
			t.Errorf("Subscription(%v) = %+v, want an error", kinds, got)
		}
	}
}

func TestDecode(t *testing.T) {
	got, err := contract.Decode[*viewingv1.VideoViewed](messagestore.Message{Data: `{"videoId": "v"}`})
	if err != nil || got.GetVideoId() != "v" {
		t.Errorf("Decode = %v, %v, want video v", got, err)
	}
	if got, err := contract.Decode[*viewingv1.VideoViewed](messagestore.Message{Data: `{"videoId": 1}`}); err == nil {
		t.Errorf("Decode = %v, want an error", got)
	}
}
