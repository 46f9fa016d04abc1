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
	"google.golang.org/grpc/test/bufconn"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A script is a Store that does what its test says. It stands for what a real
// one does only now and then: to fail in each way, to say nothing.
type script struct {
	messagestore.Store
	write      func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error)
	read       func(context.Context, func(messagestore.Message, error) bool)
	subscribe  func(context.Context, messagestore.Subscription, func(messagestore.Event, error) bool)
	status     func(context.Context) (messagestore.Status, error)
	streams    func(messagestore.ListRequest) (messagestore.StreamPage, error)
	categories func(messagestore.ListRequest) (messagestore.CategoryPage, error)
	transfer   func(messagestore.Category, messagestore.Principal) (messagestore.Principal, error)
}

func (s script) Write(ctx context.Context, _ messagestore.Stream, _ messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	return s.write(ctx, m...)
}

func (s script) Read(ctx context.Context, _ messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	return func(yield func(messagestore.Message, error) bool) { s.read(ctx, yield) }
}

func (s script) Subscribe(ctx context.Context, r messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) { s.subscribe(ctx, r, yield) }
}

func (s script) Streams(_ context.Context, r messagestore.ListRequest) (messagestore.StreamPage, error) {
	return s.streams(r)
}

func (s script) Categories(_ context.Context, r messagestore.ListRequest) (messagestore.CategoryPage, error) {
	return s.categories(r)
}

func (s script) TransferOwnership(_ context.Context, c messagestore.Category, to messagestore.Principal) (messagestore.Principal, error) {
	return s.transfer(c, to)
}

func (s script) Status(ctx context.Context) (messagestore.Status, error) { return s.status(ctx) }

// A wire is a server and a client of it, joined in memory.
type wire struct {
	*Client
	server   *Server
	registry *prometheus.Registry
	listener *bufconn.Listener
	log      *logBuffer
	stop     context.CancelFunc // ends Run
	stopped  chan error         // what Run returned
	closed   sync.Once
}

func connect(t *testing.T, store messagestore.Store) *wire {
	t.Helper()
	return connectWith(t, store, ServerOptions{}, func(*Server) {})
}

// connectWith is connect with options, and with a server that is adjusted before
// it runs.
func connectWith(t *testing.T, store messagestore.Store, o ServerOptions, adjust func(*Server)) *wire {
	t.Helper()
	w := serve(store, o, adjust)
	var err error
	w.Client, err = dial("passthrough:test", nil, grpc.WithContextDialer(w.dialer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.close(t) })
	return w
}

// serve is a wire without a client.
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

// close ends both sides, once. In a bubble of fake time the test calls it.
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

// A logBuffer is a log for tests to read.
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
