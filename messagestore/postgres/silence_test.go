package postgres_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

// TestSubscribe_BesideReads checks that a server delivers the messages of other servers
// while all its connections for reads are in use.
func TestSubscribe_BesideReads(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", postgres.Migrate)
	store, other := teststore.Start(t, url), teststore.Start(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfAll()}) {
		switch event.(type) {
		case messagestore.CaughtUp:
			for range postgres.MaxReaders {
				conn, err := store.Readers().Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Release()
			}
			write(t, other, "a-1", newMessage("Happened"))
		case messagestore.Messages:
			return
		case nil:
			t.Fatal(err)
		}
	}
}

// TestSubscribe_LockedLog checks that while the log is locked, Reads use only their share
// of the connections and a subscription ends in time.
func TestSubscribe_LockedLog(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", postgres.Migrate)
	store := teststore.Start(t, url)
	write(t, store, "a-1", newMessage("Happened"))
	exec(t, connect(t, url), "begin; lock message_store.messages")
	ctx, cancel := context.WithCancel(t.Context())
	var reads sync.WaitGroup
	defer reads.Wait()
	defer cancel()
	for range 2 * postgres.MaxReaders {
		reads.Go(func() {
			for _, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream("a-1")}) {
				t.Log(err)
			}
		})
	}
	begin := time.Now()
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfAll()}) {
		var away *messagestore.UnavailableError
		if took := time.Since(begin); event != nil || !errors.As(err, &away) || took > postgres.StaleAfter+5*time.Second { // Postgres would wait for 15 s
			t.Errorf("%v, %v after %v", event, err, took)
		}
	}
	// The connection of the subscription may not be closed yet.
	if n := store.Readers().Stat().AcquiredConns(); n > postgres.MaxReadPages+1 {
		t.Errorf("%d connections are in use, want at most %d for Reads", n, postgres.MaxReadPages)
	}
}

// TestStore_Held checks that pages become small when readers hold maxHeldBytes, and that
// delivered pages are released.
func TestStore_Held(t *testing.T) {
	t.Parallel()
	store := teststore.Start(t, testdb.New(t, "message_store", postgres.Migrate))
	text := `{"a": "` + strings.Repeat("x", 20_000) + `"}`
	for range 10 {
		m := newMessage("Happened")
		m.Data = text
		write(t, store, "a-1", m)
	}
	read := func() (held []int64) {
		for _, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfAll()}) {
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, store.Held().Load()/int64(len(text)))
		}
		if len(held) != 10 {
			t.Fatalf("%d messages, want 10", len(held))
		}
		return held
	}
	if held := slices.Max(read()); held != 10 {
		t.Errorf("%d messages are held, want 10", held)
	}
	store.Held().Add(postgres.MaxHeldBytes)
	if held := slices.Max(read()) - postgres.MaxHeldBytes/int64(len(text)); held > 2 {
		t.Errorf("%d more messages are held at the limit, want at most 2", held)
	}
	if held := store.Held().Load(); held != postgres.MaxHeldBytes {
		t.Errorf("%d bytes are held, want as many as before", held)
	}
}
