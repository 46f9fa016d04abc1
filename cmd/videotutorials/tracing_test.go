package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// A collector receives the traces that processes send by OTLP.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	mu sync.Mutex
	// spans are "<program>: <name>" by trace.
	spans map[string][]string
}

func collect(t *testing.T) (*collector, string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{spans: map[string][]string{}}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Errorf("collect traces: %v", err)
		}
	})
	return c, "http://" + listener.Addr().String()
}

func (c *collector) Export(_ context.Context, in *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range in.GetResourceSpans() {
		program := ""
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				program = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				trace := hex.EncodeToString(span.GetTraceId())
				c.spans[trace] = append(c.spans[trace], program+": "+span.GetName())
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// has reports whether one trace has all these spans.
func (c *collector) has(want ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, spans := range c.spans {
		if !slices.ContainsFunc(want, func(span string) bool { return !slices.Contains(spans, span) }) {
			return true
		}
	}
	return false
}

// The spans of a registration, from the call to the views, have one trace.
func TestTracing(t *testing.T) {
	t.Parallel()
	c, endpoint := collect(t)
	s := start(t, newFolder(t), []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "OTEL_BSP_SCHEDULE_DELAY=100"})
	if status, answer := s.post("/v1/users", `{"email": "ann@example.org", "password": "correct horse"}`); status != 202 {
		t.Fatalf("%d %v", status, answer)
	}
	s.until(fmt.Sprintf("all parts are in one trace: %v", c.spans), func() bool {
		return c.has(
			"application: application.v1.UsersService/RegisterUser", "messagestore: messagestore.v1.MessageStoreService/Write",
			"components: handle Register", "components: handle Send", "components: handle Sent",
			"messagestore: messagestore.v1.MessageStoreService/WriteBatch", "aggregators: handle RegistrationEmailSent")
	})
}
