// Package testserver gives tests of processes what surrounds one: ports, and a
// message store over mutual TLS.
package testserver

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

// FreePort returns a VT_PORT whose ports are free.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := service.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Serve serves the store on the listener, with the folder's certificate
// messagestore, until the test ends.
func Serve(t testing.TB, store messagestore.Store, certs string, listener net.Listener) {
	t.Helper()
	config, err := certificate.Server(certs, "messagestore")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(store, rpc.ServerOptions{TLS: config, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}
