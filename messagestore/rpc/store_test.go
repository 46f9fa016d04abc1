package rpc

import (
	"errors"
	"testing"

	"videotutorials/internal/certificate"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/storetest"
)

// overTLS returns a client of a new store, over mutual TLS.
func overTLS(t *testing.T) *Client {
	t.Helper()
	addr, dir, _ := secure(t, teststore.New(t))
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	return dialSecure(t, addr, config)
}

// TestStore holds the client and the server, over mutual TLS and with Postgres, to
// the suite of every Store.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) messagestore.Store { return overTLS(t) })
}

// TestStore_Writer checks that a message has the principal of the certificate as
// its writer, sent alone or in a batch.
func TestStore_Writer(t *testing.T) {
	t.Parallel()
	client := overTLS(t)
	for stream, store := range map[messagestore.Stream]messagestore.Store{"a-1": client, "a-2": batchedClient{client}} {
		if _, err := store.Write(t.Context(), stream, messagestore.None, messagestore.NewMessage{Type: "Happened", Data: "{}"}); err != nil {
			t.Fatal(err)
		}
		m, err := store.Last(t.Context(), stream, "")
		if err != nil || m.Writer != "spiffe://videotutorials/application" {
			t.Errorf("%+v %v", m, err)
		}
		if _, err := store.Last(t.Context(), stream, "Other"); !errors.Is(err, messagestore.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}
}
