package consumer_test

import (
	"context"
	"fmt"
	"log/slog"

	"videotutorials/internal/test/example"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// Example handles the events of a category, one worker per stream, and saves its
// position.
func Example() {
	t := example.New()
	defer t.Close()
	store := teststore.New(t) // a program uses rpc.Dial

	ctx, stop := context.WithCancel(t.Context())
	viewings := &consumer.Consumer{
		ID:           "example:viewings",
		Store:        store,
		Subscription: messagestore.Subscription{Source: messagestore.OfCategories("viewing")},
		Prepare: func(m messagestore.Message) (consumer.Task, error) {
			viewed, err := contract.Decode[*viewingv1.VideoViewed](m)
			if err != nil {
				return consumer.Task{}, err // logged and skipped
			}
			return consumer.Task{Entity: m.Stream, Run: func(context.Context, func()) error {
				fmt.Println("viewed:", viewed.GetVideoId())
				stop()
				return nil // an error would be retried with backoff
			}}, nil
		},
		Log: slog.New(slog.DiscardHandler),
	}

	data, err := contract.Marshal(&viewingv1.VideoViewed{VideoId: "7f1c2d"})
	if err != nil {
		panic(err)
	}
	_, err = store.Write(ctx, "viewing-7f1c2d", messagestore.Any, messagestore.NewMessage{
		ID: "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", Type: "VideoViewed", Data: data,
	})
	if err != nil {
		panic(err)
	}
	if err := viewings.Run(ctx); err != nil { // until ctx ends
		panic(err)
	}

	position, err := store.Last(t.Context(), "subscriberPosition-example:viewings", "")
	fmt.Println("position:", position.Data, err)
	// Output:
	// viewed: 7f1c2d
	// position: {"position": 1, "messageId": "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"} <nil>
}
