package rpc

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A fakeStore is a Store of functions. It is for what a real Store does rarely, such
// as each failure, or no answer.
type fakeStore struct {
	messagestore.Store
	write      func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error)
	read       func(context.Context, func(messagestore.Message, error) bool)
	subscribe  func(context.Context, messagestore.Subscription, func(messagestore.Event, error) bool)
	status     func(context.Context) (messagestore.Status, error)
	streams    func(messagestore.ListRequest) (messagestore.StreamPage, error)
	categories func(messagestore.ListRequest) (messagestore.CategoryPage, error)
	transfer   func(messagestore.Category, messagestore.Principal) (messagestore.Principal, error)
}

func (s fakeStore) Write(ctx context.Context, _ messagestore.Stream, _ messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	return s.write(ctx, m...)
}

func (s fakeStore) Read(ctx context.Context, _ messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	return func(yield func(messagestore.Message, error) bool) { s.read(ctx, yield) }
}

func (s fakeStore) Subscribe(ctx context.Context, r messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) { s.subscribe(ctx, r, yield) }
}

func (s fakeStore) Streams(_ context.Context, r messagestore.ListRequest) (messagestore.StreamPage, error) {
	return s.streams(r)
}

func (s fakeStore) Categories(_ context.Context, r messagestore.ListRequest) (messagestore.CategoryPage, error) {
	return s.categories(r)
}

func (s fakeStore) TransferOwnership(_ context.Context, c messagestore.Category, to messagestore.Principal) (messagestore.Principal, error) {
	return s.transfer(c, to)
}

func (s fakeStore) Status(ctx context.Context) (messagestore.Status, error) { return s.status(ctx) }

// A wire is a server and its client, connected in memory.
type wire struct {
	*Client
	server   *Server
	registry *prometheus.Registry
	listener *bufconn.Listener
	log      *logBuffer
	stop     context.CancelFunc // ends Run
	stopped  chan error         // the result of Run
	closed   sync.Once
}

func connect(t *testing.T, store messagestore.Store) *wire {
	t.Helper()
	return connectWith(t, store, ServerOptions{}, func(*Server) {})
}

// connectWith is connect with options, and adjusts the server before it runs.
func connectWith(t *testing.T, store messagestore.Store, o ServerOptions, adjust func(*Server)) *wire {
	t.Helper()
	w := serve(store, o, adjust)
	w.dial(t)
	t.Cleanup(func() { w.close(t) })
	return w
}

// dial gives the wire its client.
func (w *wire) dial(t *testing.T, options ...grpc.DialOption) {
	t.Helper()
	var err error
	if w.Client, err = dial("passthrough:test", nil, append(options, grpc.WithContextDialer(w.dialer))...); err != nil {
		t.Fatal(err)
	}
}

// plainConn returns a connection to the server without the features of Client.
func (w *wire) plainConn(t *testing.T, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:test", append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(w.dialer))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serve returns a wire without a client.
func serve(store messagestore.Store, o ServerOptions, adjust func(*Server)) *wire {
	w := &wire{listener: bufconn.Listen(1 << 20), log: &logBuffer{}, registry: prometheus.NewRegistry(), stopped: make(chan error, 1)}
	o.Log, o.Registry, o.Version = w.log.logger(), w.registry, "v1.2.3"
	w.server = NewServer(store, o)
	adjust(w.server)
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	go func() { w.stopped <- w.server.Run(ctx, w.listener) }()
	return w
}

func (w *wire) dialer(ctx context.Context, _ string) (net.Conn, error) {
	return w.listener.DialContext(ctx)
}

// close stops both sides. A test in fake time MUST call it; cleanups run outside.
func (w *wire) close(t *testing.T) {
	w.closed.Do(func() {
		if w.Client != nil {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		w.stop()
		if err := <-w.stopped; err != nil {
			t.Errorf("run the server: %v", err)
		}
	})
}

// A logBuffer keeps a log for the test.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
