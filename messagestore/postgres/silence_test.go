package postgres

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/contract"
	"videotutorials/internal/testdb"
	"videotutorials/messagestore"
)

// run returns a running Store on the database, which stops with the test.
func run(t *testing.T, url string) *Store {
	t.Helper()
	store, err := Open(t.Context(), url, Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return store
}

func happen(t *testing.T, store *Store) messagestore.Written {
	t.Helper()
	written, err := store.Write(t.Context(), "a-1", messagestore.Any, messagestore.NewMessage{ID: contract.NewID(), Type: "Happened", Data: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// A server whose connections for reads are all taken sees what other servers
// write, and passes it on.
func TestSubscribe_BesideReads(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", Migrate)
	store, other := run(t, url), run(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfAll()}) {
		switch event.(type) {
		case messagestore.CaughtUp:
			for range maxReaders {
				conn, err := store.readers.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Release()
			}
			happen(t, other)
		case messagestore.Messages:
			return
		case nil:
			t.Fatal(err)
		}
	}
}

// While the log is locked nothing is silent for long: who reads waits, and takes no
// more than its part of the connections, and a subscription ends.
func TestSubscribe_LockedLog(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", Migrate)
	store := run(t, url)
	happen(t, store)
	super, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(context.Background()) //nolint:errcheck // the database is dropped
	if _, err := super.Exec(t.Context(), "begin; lock message_store.messages"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var reads sync.WaitGroup
	defer reads.Wait()
	defer cancel()
	for range 2 * maxReaders {
		reads.Go(func() {
			for _, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream("a-1")}) {
				t.Log(err)
			}
		})
	}
	begin := time.Now()
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfAll()}) {
		var away *messagestore.UnavailableError
		if took := time.Since(begin); event != nil || !errors.As(err, &away) || took > staleAfter+5*time.Second { // Postgres would wait for 15 s
			t.Errorf("%v, %v after %v", event, err, took)
		}
	}
	// The subscription's may not be closed yet.
	if n := store.readers.Stat().AcquiredConns(); n > maxReadPages+1 {
		t.Errorf("%d connections are taken, %d are for Reads", n, maxReadPages)
	}
}

// What all hold that read is bounded, however many they are: with so much held a
// page has less, and all when it was taken.
func TestStore_Held(t *testing.T) {
	t.Parallel()
	store := run(t, testdb.New(t, "message_store", Migrate))
	text := `{"a": "` + strings.Repeat("x", 20_000) + `"}`
	for range 10 {
		_, err := store.Write(t.Context(), "a-1", messagestore.Any, messagestore.NewMessage{ID: contract.NewID(), Type: "Happened", Data: text})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func() (held []int64) {
		for _, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfAll()}) {
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, store.held.Load()/int64(len(text)))
		}
		if len(held) != 10 {
			t.Fatalf("%d messages, expected 10", len(held))
		}
		return held
	}
	if held := slices.Max(read()); held != 10 {
		t.Errorf("%d messages are held, expected all", held)
	}
	store.held.Add(maxHeldBytes)
	if held := slices.Max(read()) - maxHeldBytes/int64(len(text)); held > 2 {
		t.Errorf("%d messages more are held where there is no room, expected 2", held)
	}
	if held := store.held.Load(); held != maxHeldBytes {
		t.Errorf("%d bytes are held, expected what was before", held)
	}
}
