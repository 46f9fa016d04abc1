package interceptor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"videotutorials/internal/interceptor"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service runs the handler of its test.
type service struct {
	messagestorev1.UnimplementedMessageStoreServiceServer
	handle func(ctx context.Context) error
}

func (s service) GetStatus(ctx context.Context, _ *messagestorev1.GetStatusRequest) (*messagestorev1.GetStatusResponse, error) {
	return &messagestorev1.GetStatusResponse{}, s.handle(ctx)
}

func (s service) Read(_ *messagestorev1.ReadRequest, stream grpc.ServerStreamingServer[messagestorev1.ReadResponse]) error {
	return s.handle(stream.Context())
}

// A fixture is a server with the standard interceptors, and their output.
type fixture struct {
	client   messagestorev1.MessageStoreServiceClient
	registry *prometheus.Registry
	log      *bytes.Buffer
	stop     func()
}

func serve(t *testing.T, handle func(context.Context) error) *fixture {
	b := &fixture{registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	log := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	chain := interceptor.Standard(log, b.registry)
	server := grpc.NewServer(grpc.UnaryInterceptor(chain.Unary), grpc.StreamInterceptor(chain.Stream))
	messagestorev1.RegisterMessageStoreServiceServer(server, service{handle: handle})
	listener := bufconn.Listen(1 << 16)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	b.client = messagestorev1.NewMessageStoreServiceClient(conn)
	b.stop = func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.GracefulStop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return b
}

// calls makes a unary call and a stream, stops the server, and returns the answer
// of each by its method.
func (b *fixture) calls(ctx context.Context) map[string]answer {
	var unary, stream answer
	_, unary.err = b.client.GetStatus(ctx, &messagestorev1.GetStatusRequest{}, grpc.Trailer(&unary.trailer))
	var s grpc.ServerStreamingClient[messagestorev1.ReadResponse]
	if s, stream.err = b.client.Read(ctx, &messagestorev1.ReadRequest{}); stream.err == nil {
		if _, stream.err = s.Recv(); errors.Is(stream.err, io.EOF) {
			stream.err = nil
		}
		stream.trailer = s.Trailer()
	}
	b.stop()
	return map[string]answer{"GetStatus": unary, "Read": stream}
}

type answer struct {
	err     error
	trailer metadata.MD
}

// lines returns the log lines of the calls to a method.
func (b *fixture) lines(t *testing.T, method string) []map[string]any {
	var lines []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if name, _ := fields["method"].(string); strings.HasSuffix(name, "/"+method) {
			lines = append(lines, fields)
		}
	}
	return lines
}

// hidden is an error with a text that its status does not have.
type hidden struct{ code codes.Code }

func (h hidden) Error() string              { return "the password is swordfish" }
func (h hidden) GRPCStatus() *status.Status { return status.New(h.code, "sorry") }

func TestStandard_Log(t *testing.T) {
	for _, c := range []struct {
		err   error
		level string
		code  string
	}{
		{nil, "DEBUG", "OK"},
		{hidden{codes.Aborted}, "DEBUG", "Aborted"},
		{hidden{codes.ResourceExhausted}, "DEBUG", "ResourceExhausted"},
		{hidden{codes.Unauthenticated}, "WARN", "Unauthenticated"},
		{hidden{codes.Unavailable}, "WARN", "Unavailable"},
		{hidden{codes.Internal}, "ERROR", "Internal"},
		{context.DeadlineExceeded, "WARN", "DeadlineExceeded"},
		{errors.New("unknown"), "ERROR", "Unknown"},
	} {
		t.Run(c.code, func(t *testing.T) {
			b := serve(t, func(ctx context.Context) error {
				interceptor.Annotate(ctx, slog.String("principal", "me"))
				return c.err
			})
			for method, answer := range b.calls(t.Context()) {
				if answer.err != nil && strings.Contains(answer.err.Error(), "swordfish") {
					t.Errorf("%s: the answer has the text of the log: %v", method, answer.err)
				}
				lines := b.lines(t, method)
				if len(lines) != 1 {
					t.Fatalf("%s: %d log lines, want 1", method, len(lines))
				}
				line := lines[0]
				if line["level"] != c.level || line["code"] != c.code || line["principal"] != "me" {
					t.Errorf("%s: log line %v, want level %s, code %s, principal me", method, line, c.level, c.code)
				}
				if text, _ := line["error"].(string); c.err != nil && text != c.err.Error() {
					t.Errorf("%s: logged error %q, want %q", method, text, c.err)
				}
			}
		})
	}
}

func TestStandard_Trace(t *testing.T) {
	seen := make(chan string, 2)
	b := serve(t, func(ctx context.Context) error {
		seen <- interceptor.TraceID(ctx)
		return nil
	})
	incoming := uuid.NewString()
	ctx := metadata.AppendToOutgoingContext(t.Context(), interceptor.TraceHeader, incoming)
	answers := b.calls(ctx)
	ids := map[string]bool{<-seen: true, <-seen: true}
	if len(ids) != 2 {
		t.Error("both calls have the same trace id")
	}
	for method, answer := range answers {
		got := answer.trailer.Get(interceptor.TraceHeader)
		if len(got) != 1 || !ids[got[0]] {
			t.Errorf("%s: trailer %q, want one of the handlers' ids %v", method, got, ids)
		}
		if got[0] == incoming || uuid.Validate(got[0]) != nil {
			t.Errorf("%s: trace id %q, want a new UUID", method, got[0])
		}
		if line := b.lines(t, method)[0]; line["traceId"] != got[0] {
			t.Errorf("%s: logged trace id %v, want %s", method, line["traceId"], got[0])
		}
	}
}

func TestStandard_Panic(t *testing.T) {
	b := serve(t, func(context.Context) error { panic("swordfish") })
	for method, answer := range b.calls(t.Context()) {
		if s := status.Convert(answer.err); s.Code() != codes.Internal || s.Message() != "internal error" {
			t.Errorf("%s: %v", method, answer.err)
		}
		lines := b.lines(t, method)
		if len(lines) != 2 || lines[0]["msg"] != "panic" || lines[1]["code"] != "Internal" {
			t.Fatalf("%s: log lines %v, want the panic and the call", method, lines)
		}
		if stack, _ := lines[0]["stack"].(string); lines[0]["panic"] != "swordfish" || !strings.Contains(stack, "interceptor_test.go") {
			t.Errorf("%s: the logged panic lacks its text or stack: %v", method, lines[0])
		}
	}
	if n := testutil.CollectAndCount(b.registry, "grpc_server_handled_total"); n != 2 {
		t.Errorf("%d methods counted, want 2: a panic counts as a call", n)
	}
}

func TestStandard_Metrics(t *testing.T) {
	b := serve(t, func(context.Context) error { return hidden{codes.NotFound} })
	b.calls(t.Context())
	const expected = `
# HELP grpc_server_handled_total Calls that ended, by code. Started minus handled are in progress.
# TYPE grpc_server_handled_total counter
grpc_server_handled_total{grpc_code="NotFound",grpc_method="GetStatus",grpc_service="messagestore.v1.MessageStoreService",grpc_type="unary"} 1
grpc_server_handled_total{grpc_code="NotFound",grpc_method="Read",grpc_service="messagestore.v1.MessageStoreService",grpc_type="server_stream"} 1
# HELP grpc_server_started_total Calls that started.
# TYPE grpc_server_started_total counter
grpc_server_started_total{grpc_method="GetStatus",grpc_service="messagestore.v1.MessageStoreService",grpc_type="unary"} 1
grpc_server_started_total{grpc_method="Read",grpc_service="messagestore.v1.MessageStoreService",grpc_type="server_stream"} 1
`
	err := testutil.GatherAndCompare(b.registry, strings.NewReader(expected), "grpc_server_handled_total", "grpc_server_started_total")
	if err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(b.registry, "grpc_server_handling_seconds"); n != 1 {
		t.Errorf("%d durations, want 1, of the unary call", n)
	}
}

// TestMethod_Start checks that the duration includes the time before the chain runs.
func TestMethod_Start(t *testing.T) {
	b := &fixture{registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	chain := interceptor.Standard(slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), b.registry)
	method := interceptor.Method{Name: "/s/Begun", Kind: "unary", Start: time.Now().Add(-time.Hour)}
	err := chain.Intercept(t.Context(), method, func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	lines := b.lines(t, "Begun")
	if len(lines) != 1 || lines[0]["duration"].(float64) < float64(time.Hour) {
		t.Errorf("log lines %v, want a duration of an hour", lines)
	}
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if h := f.GetMetric()[0].GetHistogram(); h != nil && h.GetSampleSum() < 3600 {
			t.Errorf("%s: %v s, want an hour", f.GetName(), h.GetSampleSum())
		}
	}
}
