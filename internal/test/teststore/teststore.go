// Package teststore provides tests with a running message store on a database of
// its own.
package teststore

import (
	"log/slog"
	"testing"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

// New returns a running Store on a new database. It stops when the test ends.
func New(t testing.TB) messagestore.Store {
	t.Helper()
	store, _ := Open(t)
	return store
}

// Open is like New and also returns the database's URL as superuser, for tests
// that query or damage the tables.
func Open(t testing.TB) (messagestore.Store, string) {
	t.Helper()
	url := testdb.New(t, "message_store", postgres.Migrate)
	return Start(t, url), url
}

// Start returns another running Store on the database, like a second server. It
// stops when the test ends.
func Start(t testing.TB, url string) *postgres.Store {
	t.Helper()
	return StartWith(t, url, postgres.Options{})
}

// StartWith is like Start with options. Their Log is replaced by the test's.
func StartWith(t testing.TB, url string, o postgres.Options) *postgres.Store {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := postgres.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	running.Start(t, store.Run)
	return store
}
