package rpc

import (
	"errors"
	"testing"

	"videotutorials/messagestore"
)

// TestConflict_D6 checks that a version conflict has both versions, for an empty
// stream and for another, by Write and by WriteBatch.
func TestConflict_D6(t *testing.T) {
	t.Parallel()
	store := overTLS(t)
	message := func() messagestore.NewMessage { return messagestore.NewMessage{Type: "Happened", Data: "{}"} }
	for range 3 {
		if _, err := store.Write(t.Context(), "full-1", messagestore.Any, message()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []messagestore.VersionConflictError{
		{Stream: "empty-1", Expected: 0, Actual: messagestore.None},
		{Stream: "empty-1", Expected: 7, Actual: messagestore.None},
		{Stream: "empty-1", Expected: messagestore.Exists, Actual: messagestore.None},
		{Stream: "full-1", Expected: messagestore.None, Actual: 2},
		{Stream: "full-1", Expected: 1, Actual: 2},
		{Stream: "full-1", Expected: 7, Actual: 2},
	} {
		_, alone := store.Write(t.Context(), want.Stream, want.Expected, message())
		_, together := store.WriteBatch(t.Context(),
			messagestore.Write{Stream: "other-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{message()}},
			messagestore.Write{Stream: want.Stream, Expected: want.Expected, Messages: []messagestore.NewMessage{message()}})
		for _, err := range []error{alone, together} {
			var conflict *messagestore.VersionConflictError
			if !errors.As(err, &conflict) || *conflict != want {
				t.Errorf("%v, want %v", err, &want)
			}
		}
	}
}
