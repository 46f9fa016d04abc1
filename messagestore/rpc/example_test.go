package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/test/example"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

// Example serves a store, dials it, writes and reads.
func Example() {
	t := example.New()
	defer t.Close()
	server := rpc.NewServer(teststore.New(t), rpc.ServerOptions{ // a program sets TLS too
		Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	running.Start(t, func(ctx context.Context) error { return server.Run(ctx, listener) })

	store, err := rpc.Dial(listener.Addr().String(), nil) // nil: no TLS
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() { _ = store.Close() })

	registered := messagestore.NewMessage{Type: "Registered", Data: `{"email": "ann@example.com"}`}
	written, err := store.Write(t.Context(), "account-1", messagestore.None, registered)
	if err != nil {
		panic(err)
	}
	fmt.Println("written at", written.Position)

	_, err = store.Write(t.Context(), "account-1", messagestore.None, registered)
	var conflict *messagestore.VersionConflictError
	fmt.Println("written again:", errors.As(err, &conflict))

	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfStream("account-1")}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(m.Type, m.Data, "by", m.Writer)
	}
	// Output:
	// written at 0
	// written again: true
	// Registered {"email": "ann@example.com"} by anonymous
}
