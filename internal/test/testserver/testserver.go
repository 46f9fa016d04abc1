// Package testserver provides tests of processes with free ports and with a
// message store served over mutual TLS.
package testserver

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/running"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

// FreePort returns a value for VT_PORT whose whole range of ports is free.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := service.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Serve serves the store on the listener until the test ends, with certificate
// messagestore of folder certs.
func Serve(t testing.TB, store messagestore.Store, certs string, listener net.Listener) {
	t.Helper()
	config, err := certificate.Server(certs, "messagestore")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(store, rpc.ServerOptions{TLS: config, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	running.Start(t, func(ctx context.Context) error { return server.Run(ctx, listener) })
}
