package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"videotutorials/internal/pgserver"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// TestStore_Heartbeat checks that an idle subscription sends Progress in time, with its place.
func TestStore_Heartbeat(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	place := messagestore.Place{Position: write(t, store, "a-1", newMessage("Happened")).GlobalPosition}
	var interval time.Duration
	var last time.Time
	beats := 0
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfCategories("b")}) {
		switch e := event.(type) {
		case messagestore.Started:
			interval = e.HeartbeatInterval
		case messagestore.Progress:
			if beats++; e.Place.Position != place.Position || e.Place.ID == "" {
				t.Errorf("progress at %+v, want position %d", e.Place, place.Position)
			}
			if took := time.Since(last); took > interval+time.Second {
				t.Errorf("heartbeat after %v, want at most %v", took, interval)
			}
		case messagestore.CaughtUp:
		default:
			t.Fatalf("%+v, %v", e, err)
		}
		if last = time.Now(); beats == 2 {
			return
		}
	}
}

// TestStore_PostgresAway checks that without Postgres writes fail and subscriptions end,
// since the head is unknown, and that both continue when it is back.
func TestStore_PostgresAway(t *testing.T) {
	t.Parallel()
	config := pgserver.Config{Dir: filepath.Join(testdb.Folder(t), "postgres"), Log: slog.New(slog.DiscardHandler)}
	server, err := pgserver.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	store := teststore.Start(t, server.URL("postgres"))
	write(t, store, "a-1", newMessage("Happened"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	messages, breaks := make(chan messagestore.Message, 10), make(chan error, 100)
	go func() {
		for event, err := range consumer.Follow(ctx, store, messagestore.Subscription{Source: messagestore.OfAll()}, func(err error) { breaks <- err }) {
			batch, _ := event.(messagestore.Messages)
			for _, m := range batch {
				messages <- m
			}
			if err != nil {
				return
			}
		}
	}()
	if m := <-messages; m.GlobalPosition != 1 {
		t.Fatalf("%+v", m)
	}

	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	lost := newMessage("Happened")
	var away *messagestore.UnavailableError
	if _, err := store.Write(ctx, "a-1", messagestore.Any, lost); !errors.As(err, &away) {
		t.Errorf("write while Postgres is away: %v", err)
	}
	if err := <-breaks; !errors.As(err, &away) {
		t.Errorf("the subscription ended with %v", err)
	}
	if err := store.Ready(ctx); err == nil {
		t.Error("the store is ready while Postgres is away")
	}

	again, err := pgserver.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Stop() })
	if written := write(t, store, "a-1", lost); written.GlobalPosition != 2 {
		t.Errorf("the repeated write is at %+v", written)
	}
	if m := <-messages; m.ID != lost.ID {
		t.Errorf("the subscription continued with %+v", m)
	}
}
