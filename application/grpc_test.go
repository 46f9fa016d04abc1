package application

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	applicationv1 "videotutorials/proto/application/v1"
)

func dial(t *testing.T, addr string, c credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	conn := dial(t, a.grpc, insecure.NewCredentials())
	viewings := applicationv1.NewViewingsServiceClient(conn)
	key := uuid.NewString()

	t.Run("SameAsREST", func(t *testing.T) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "idempotency-key", key, "x-trace-id", uuid.NewString())
		var header metadata.MD
		got, err := viewings.RecordViewing(ctx, &applicationv1.RecordViewingRequest{VideoId: aVideo}, grpc.Header(&header))
		if err != nil {
			t.Fatal(err)
		}
		if ids := header.Get("x-trace-id"); len(ids) != 1 || ids[0] != got.GetTraceId() {
			t.Errorf("x-trace-id is %q, traceId %s", ids, got.GetTraceId())
		}
		if rest := a.record(t, aVideo, "Idempotency-Key", key); rest.traceID(t) != got.GetTraceId() {
			t.Errorf("REST answers %s", rest.body)
		}
		if all := stored(t, a.store); len(all) != 1 {
			t.Errorf("%d viewings are stored", len(all))
		}
	})
	t.Run("BadKey", func(t *testing.T) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "idempotency-key", "1")
		var header metadata.MD
		_, err := viewings.RecordViewing(ctx, &applicationv1.RecordViewingRequest{VideoId: aVideo}, grpc.Header(&header))
		s := status.Convert(err)
		if s.Code() != codes.InvalidArgument || len(s.Details()) != 1 {
			t.Fatalf("answer is %v", err)
		}
		bad, ok := s.Details()[0].(*errdetails.BadRequest)
		if !ok || bad.GetFieldViolations()[0].GetField() != "Idempotency-Key" {
			t.Errorf("details are %v", s.Details())
		}
		if len(header.Get("x-trace-id")) != 1 {
			t.Errorf("header is %v", header)
		}
	})
	t.Run("BadVideo", func(t *testing.T) {
		_, err := viewings.RecordViewing(t.Context(), &applicationv1.RecordViewingRequest{VideoId: "a/b"})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("answer is %v", err)
		}
	})
	t.Run("Health", func(t *testing.T) {
		got, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil || got.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health is %v, %v", got, err)
		}
	})
}

// Both ports serve TLS without client certificates.
func TestTLS(t *testing.T) {
	t.Parallel()
	peer := httptest.NewTLSServer(nil)
	defer peer.Close()
	serving := &tls.Config{Certificates: peer.TLS.Certificates, MinVersion: tls.VersionTLS13}
	a := start(t, Config{REST: serving, GRPC: serving})
	roots := x509.NewCertPool()
	roots.AddCert(peer.Certificate())

	conn := dial(t, a.grpc, credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}))
	if _, err := applicationv1.NewHomeServiceClient(conn).GetHome(t.Context(), &applicationv1.GetHomeRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	plain := dial(t, a.grpc, insecure.NewCredentials())
	if _, err := applicationv1.NewHomeServiceClient(plain).GetHome(t.Context(), &applicationv1.GetHomeRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("gRPC without TLS: %v", err)
	}
	a.url, a.client = "https"+a.url[len("http"):], peer.Client()
	if got := a.call(t, "GET", "/v1/home", ""); got.status != 200 {
		t.Errorf("REST: %d %s", got.status, got.body)
	}
}
