package rpc

import (
	"errors"
	"testing"

	"videotutorials/internal/certificate"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/storetest"
)

// overTLS returns a client of a server of a store of its own.
func overTLS(t *testing.T) messagestore.Store {
	t.Helper()
	addr, dir, _ := secure(t, teststore.New(t))
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	return dialSecure(t, addr, config)
}

// TestStore holds the client, the server and the wire between them to the suite
// of every Store, over mutual TLS, with Postgres behind.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, overTLS)
}

// TestStore_Writer: the certificate's principal is stored with the message.
func TestStore_Writer(t *testing.T) {
	t.Parallel()
	store := overTLS(t)
	if _, err := store.Write(t.Context(), "a-1", messagestore.None, messagestore.NewMessage{Type: "Happened", Data: "{}"}); err != nil {
		t.Fatal(err)
	}
	m, err := store.Last(t.Context(), "a-1", "")
	if err != nil || m.Writer != "spiffe://videotutorials/application" {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := store.Last(t.Context(), "a-1", "Other"); !errors.Is(err, messagestore.ErrNotFound) {
		t.Errorf("%v, expected ErrNotFound", err)
	}
}
