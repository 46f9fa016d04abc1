package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
	"videotutorials/messagestore/rpc"
)

const trust = "spiffe://videotutorials/"

// A guarded server has a policy and mutual TLS; clients come as principals.
type guarded struct {
	t     *testing.T
	port  int
	certs string
}

func startGuarded(t *testing.T, policy string, principals ...string) *guarded {
	t.Helper()
	g := &guarded{t: t, port: testserver.FreePort(t), certs: filepath.Join(t.TempDir(), "certs")}
	names := map[string]string{"messagestore": "messagestore"}
	for _, name := range principals {
		names[name] = name
	}
	testserver.Certificates(t, g.certs, names)
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &serve{Port: g.port, Certs: g.certs, Policy: file, Database: testdb.New(t, "message_store", postgres.Migrate)}
	running.Start(t, func(ctx context.Context) error {
		return s.run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
	})
	return g
}

func (g *guarded) as(principal string) *rpc.Client {
	g.t.Helper()
	config, err := certificate.Client(g.certs, principal)
	if err != nil {
		g.t.Fatal(err)
	}
	client, err := rpc.Dial(service.Addr(g.port, service.MessageStorePort), config)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = client.Close() })
	return client
}

// calls are the calls on a category, with the right that each requires.
var calls = map[string]struct {
	right string // write, read, all, free or transfer
	call  func(ctx context.Context, store messagestore.Store, c messagestore.Category) error
}{
	"Write": {"write", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.Write(ctx, c.Stream("1"), messagestore.Any, happened())
		return err
	}},
	"WriteBatch": {"write", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.WriteBatch(ctx, messagestore.Write{Stream: "x:command-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{happened()}},
			messagestore.Write{Stream: c.Stream("1"), Expected: messagestore.Any, Messages: []messagestore.NewMessage{happened()}})
		return err
	}},
	"WriteBatch, a check": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.WriteBatch(ctx, messagestore.Write{Stream: c.Stream("1"), Expected: messagestore.Any},
			messagestore.Write{Stream: "x:command-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{happened()}})
		return err
	}},
	"Read a stream": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		return read(ctx, store, messagestore.OfStream(c.Stream("1")))
	}},
	"Read categories": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		return read(ctx, store, messagestore.OfCategories("x:command", c))
	}},
	"Read all": {"all", func(ctx context.Context, store messagestore.Store, _ messagestore.Category) error {
		return read(ctx, store, messagestore.OfAll())
	}},
	"Subscribe to a stream": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		return subscribe(ctx, store, messagestore.OfStream(c.Stream("1")))
	}},
	"Subscribe to categories": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		return subscribe(ctx, store, messagestore.OfCategories("x:command", c))
	}},
	"Subscribe to all": {"all", func(ctx context.Context, store messagestore.Store, _ messagestore.Category) error {
		return subscribe(ctx, store, messagestore.OfAll())
	}},
	"GetMessage by id": {"all", func(ctx context.Context, store messagestore.Store, _ messagestore.Category) error {
		_, err := store.Message(ctx, uuid.NewString())
		return err
	}},
	"GetMessage, the last": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.Last(ctx, c.Stream("1"), "")
		return err
	}},
	"ListStreams of a category": {"read", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.Streams(ctx, messagestore.ListRequest{Category: c})
		return err
	}},
	"ListStreams": {"all", func(ctx context.Context, store messagestore.Store, _ messagestore.Category) error {
		_, err := store.Streams(ctx, messagestore.ListRequest{})
		return err
	}},
	"ListCategories": {"free", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.Categories(ctx, messagestore.ListRequest{Category: c})
		return err
	}},
	"GetStatus": {"free", func(ctx context.Context, store messagestore.Store, _ messagestore.Category) error {
		_, err := store.Status(ctx)
		return err
	}},
	"TransferOwnership": {"transfer", func(ctx context.Context, store messagestore.Store, c messagestore.Category) error {
		_, err := store.TransferOwnership(ctx, c, trust+"identity")
		return err
	}},
}

// TestMatrix has every principal try every call on every category.
func TestMatrix(t *testing.T) {
	t.Parallel()
	principals := []string{"application", "identity", "operator", "stranger"}
	g := startGuarded(t, `{"owners": {"pinned": "spiffe://videotutorials/application"}, "readers": {"secret": ["spiffe://videotutorials/identity"]}}`, principals...)
	owners := map[messagestore.Category]string{
		"pinned": "application", "free": "identity", "secret": "identity", "subscriberPosition": "identity", "ownership": "messagestore", "free:command": "",
	}
	for category, owner := range owners {
		if owner == "messagestore" {
			continue
		}
		if owner == "" {
			owner = "stranger"
		}
		if _, err := g.as(owner).Write(t.Context(), category.Stream("1"), messagestore.Any, happened()); err != nil {
			t.Fatal(err)
		}
	}
	for _, principal := range principals {
		store := g.as(principal)
		for category, owner := range owners {
			for name, call := range calls {
				want := allowed(principal, category, owner, call.right)
				got := call.call(t.Context(), store, category)
				if errors.Is(got, messagestore.ErrNotFound) {
					got = nil // it was let in to find out
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s, %s of %s: %v, want %v", principal, name, category, got, want)
				}
			}
		}
	}
}

// allowed returns the error of a call that requires the right.
func allowed(principal string, c messagestore.Category, owner, right string) error {
	seesSecrets := principal == "identity" || principal == "operator"
	switch right {
	case "write":
		if owner != "" && owner != principal {
			return &messagestore.NotOwnerError{Category: c, Owner: messagestore.Principal(trust + owner)}
		}
	case "read":
		if c == "secret" && !seesSecrets {
			return &messagestore.NotReaderError{Category: c}
		}
	case "all":
		if !seesSecrets {
			return &messagestore.NotReaderError{}
		}
	case "transfer":
		reason := map[messagestore.Category]string{
			"pinned":             "pinned is pinned to spiffe://videotutorials/application by the server's policy and cannot be transferred",
			"ownership":          "ownership is pinned to spiffe://videotutorials/messagestore by the server's policy and cannot be transferred",
			"free:command":       "free:command cannot be owned",
			"subscriberPosition": "subscriberPosition cannot be owned",
		}[c]
		if reason != "" {
			return &messagestore.InvalidError{Violations: []messagestore.Violation{{Field: "category", Description: reason}}}
		}
		if principal != "operator" {
			return &messagestore.NotOperatorError{}
		}
	}
	return nil
}

func happened() messagestore.NewMessage {
	return messagestore.NewMessage{ID: uuid.NewString(), Type: "Happened", Data: "{}"}
}

func read(ctx context.Context, store messagestore.Store, source messagestore.Source) error {
	for _, err := range store.Read(ctx, messagestore.ReadRequest{Source: source, Limit: 1}) {
		return err
	}
	return nil
}

// subscribe returns the error with which a subscription begins, if any.
func subscribe(ctx context.Context, store messagestore.Store, source messagestore.Source) error {
	for _, err := range store.Subscribe(ctx, messagestore.Subscription{Source: source}) {
		return err
	}
	return nil
}
