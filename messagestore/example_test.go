package messagestore_test

import (
	"errors"
	"fmt"

	"videotutorials/internal/test/example"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// Example writes an event, reads its stream and subscribes to its category.
func Example() {
	t := example.New()
	defer t.Close()
	ctx := t.Context()
	store := teststore.New(t) // a program uses rpc.Dial

	event := messagestore.NewMessage{ID: contract.NewID(), Type: "VideoViewed", Data: `{"videoId": "7f1c2d"}`}
	written, err := store.Write(ctx, "viewing-7f1c2d", messagestore.None, event)
	if err != nil {
		panic(err)
	}
	fmt.Println("written at position", written.Position, "and global position", written.GlobalPosition)

	// A write can be repeated: its ids are stored once.
	written, err = store.Write(ctx, "viewing-7f1c2d", messagestore.None, event)
	fmt.Println("already stored:", written.AlreadyStored, err)

	// Another writer that expects the stream to be empty has lost the race.
	other := messagestore.NewMessage{ID: contract.NewID(), Type: "VideoViewed", Data: `{"videoId": "7f1c2d"}`}
	_, err = store.Write(ctx, "viewing-7f1c2d", messagestore.None, other)
	var conflict *messagestore.VersionConflictError
	fmt.Println("conflict:", errors.As(err, &conflict))

	for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream("viewing-7f1c2d")}) {
		if err != nil {
			panic(err)
		}
		fmt.Println("read", m.Type, m.Data)
	}

	subscription := messagestore.Subscription{Source: messagestore.OfCategories("viewing")}
	for event, err := range store.Subscribe(ctx, subscription) {
		if err != nil {
			panic(err)
		}
		switch e := event.(type) {
		case messagestore.Messages:
			for _, m := range e {
				fmt.Println("received", m.Type, "from", m.Stream)
			}
		case messagestore.CaughtUp:
			fmt.Println("caught up at global position", e.Place.Position)
			return // without it, the subscription waits for new messages
		}
	}
	// Output:
	// written at position 0 and global position 1
	// already stored: true <nil>
	// conflict: true
	// read VideoViewed {"videoId": "7f1c2d"}
	// received VideoViewed from viewing-7f1c2d
	// caught up at global position 1
}
