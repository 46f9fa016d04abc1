package rpc

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"videotutorials/messagestore"
)

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
