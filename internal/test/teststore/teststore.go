// Package teststore gives tests a running message store on a database of its own.
package teststore

import (
	"context"
	"log/slog"
	"testing"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

// New returns a running Store on a database of its own. It stops with the test.
func New(t testing.TB) messagestore.Store {
	t.Helper()
	store, _ := Open(t)
	return store
}

// Open is New that also returns the superuser's URL of the database, for tests
// that look behind the store or damage it.
func Open(t testing.TB) (messagestore.Store, string) {
	t.Helper()
	url := testdb.New(t, "message_store", postgres.Migrate)
	return Start(t, url), url
}

// Start returns another running Store on the database, as a second server would
// be. It stops with the test.
func Start(t testing.TB, url string) *postgres.Store {
	t.Helper()
	return StartWith(t, url, postgres.Options{})
}

// StartWith is Start with options, of which the log is the test's.
func StartWith(t testing.TB, url string, o postgres.Options) *postgres.Store {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := postgres.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run the store: %v", err)
		}
	})
	return store
}
