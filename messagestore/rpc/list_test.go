package rpc

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"videotutorials/messagestore"
)

// TestLists: requests and pages are on the other side what they were here.
func TestLists(t *testing.T) {
	streams := messagestore.StreamPage{Next: "more", Streams: []messagestore.StreamInfo{
		{Stream: "a-1", Messages: 3, LastPosition: 2, LastTime: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)},
		{Stream: "a-2", Messages: math.MaxInt64, LastPosition: math.MaxInt64 - 1, LastTime: time.Unix(0, 0).UTC()},
	}}
	categories := messagestore.CategoryPage{Next: "more", Categories: []messagestore.CategoryInfo{
		{Category: "a", Owner: "spiffe://videotutorials/application", Streams: 2, Messages: 3},
		{Category: "b"},
	}}
	var asked messagestore.ListRequest
	w := connect(t, script{
		streams: func(r messagestore.ListRequest) (messagestore.StreamPage, error) {
			asked = r
			return streams, nil
		},
		categories: func(r messagestore.ListRequest) (messagestore.CategoryPage, error) {
			asked = r
			return categories, nil
		},
	})
	for _, request := range []messagestore.ListRequest{{}, {Category: "a", Size: 1000, Token: "t"}, {Size: -1}} {
		if page, err := w.Streams(t.Context(), request); err != nil || !reflect.DeepEqual(page, streams) || asked != request {
			t.Errorf("streams for %+v, asked as %+v: %+v %v", request, asked, page, err)
		}
		asked = messagestore.ListRequest{}
		if page, err := w.Categories(t.Context(), request); err != nil || !reflect.DeepEqual(page, categories) || asked != request {
			t.Errorf("categories for %+v, asked as %+v: %+v %v", request, asked, page, err)
		}
	}
	for _, size := range []int{math.MaxInt, math.MinInt} {
		if _, err := w.Streams(t.Context(), messagestore.ListRequest{Size: size}); err != nil || (asked.Size < 0) != (size < 0) || asked.Size == 0 {
			t.Errorf("size %d is asked as %d, %v", size, asked.Size, err)
		}
	}
}

func TestTransferOwnership(t *testing.T) {
	var tries int
	w := connect(t, script{transfer: func(c messagestore.Category, to messagestore.Principal) (messagestore.Principal, error) {
		switch tries++; {
		case c != "a" || to != "new":
			return "", &messagestore.NotOperatorError{}
		case tries == 1:
			return "", &messagestore.UnavailableError{Reason: "not yet"}
		}
		return "old", nil
	}})
	if from, err := w.TransferOwnership(t.Context(), "a", "new"); err != nil || from != "old" || tries != 2 {
		t.Errorf("from %q %v after %d tries, expected the second try to succeed", from, err, tries)
	}
	var notOperator *messagestore.NotOperatorError
	if _, err := w.TransferOwnership(t.Context(), "b", "new"); !errors.As(err, &notOperator) {
		t.Errorf("%v, expected a *NotOperatorError", err)
	}
}

// TestLists_Failure: each call's error is the Store's.
func TestLists_Failure(t *testing.T) {
	invalid := &messagestore.InvalidError{Violations: []messagestore.Violation{{Field: "page_token", Description: "is not of this list"}}}
	w := connect(t, script{
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
			t.Errorf("%s: %v, expected %v", name, err, invalid)
		}
	}
	if streams.Next != "" || categories.Next != "" {
		t.Errorf("pages beside the errors: %+v %+v", streams, categories)
	}
}
