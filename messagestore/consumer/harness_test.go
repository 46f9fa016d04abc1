package consumer

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// eager saves the position after each message and retries at once.
var eager = limits{handled: 1, interval: 1, skipped: 1_000_000, timeout: time.Second}

// lazy saves the position only when the consumer stops.
var lazy = limits{handled: 1_000_000, interval: time.Hour, skipped: 1_000_000, timeout: time.Second}

// A process is a running consumer.
type process struct {
	// stop ends it and waits until it has ended, like the end of the test.
	stop func()
	// failed receives after each error that it logs.
	failed <-chan struct{}
}

func (p process) awaitFailure(t *testing.T) {
	t.Helper()
	running.Receive(t, "an error in the log", p.failed)
}

func start(t *testing.T, c *Consumer, store messagestore.Store, limits limits) process {
	t.Helper()
	failed := make(chan struct{}, 1000)
	c.Store, c.Log = store, slog.New(watcher{slog.NewTextHandler(t.Output(), nil), failed})
	stop := running.Start(t, func(ctx context.Context) error { return c.run(ctx, limits) })
	return process{stop, failed}
}

// A watcher is a log handler that signals errors.
type watcher struct {
	slog.Handler
	failed chan<- struct{}
}

func (w watcher) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		w.failed <- struct{}{}
	}
	return w.Handler.Handle(ctx, r)
}

func (w watcher) WithAttrs(attributes []slog.Attr) slog.Handler {
	return watcher{w.Handler.WithAttrs(attributes), w.failed}
}

// viewings returns a consumer of viewings, one entity per stream.
func viewings(id string, run func(context.Context, messagestore.Message, func()) error) *Consumer {
	return &Consumer{
		ID: id, Subscription: messagestore.Subscription{Source: messagestore.OfCategories("viewing")},
		Prepare: func(m messagestore.Message) (Task, error) {
			return Task{m.Stream, func(ctx context.Context, release func()) error { return run(ctx, m, release) }}, nil
		},
		Metrics: NewMetrics(prometheus.NewRegistry(), nil),
	}
}

// viewer returns a consumer of viewings that sends the id of each video viewed.
func viewer(id string) (*Consumer, <-chan string) {
	viewed := make(chan string, 1000)
	return viewings(id, func(_ context.Context, m messagestore.Message, _ func()) error {
		viewing, err := contract.Decode[*viewingv1.VideoViewed](m)
		viewed <- viewing.GetVideoId()
		return err
	}), viewed
}

// step writes viewings of v<from> to v<to>, waits until each is handled, and returns
// the place of the last.
func step(t *testing.T, store messagestore.Store, viewed <-chan string, from, to int) (last messagestore.Place) {
	t.Helper()
	for i := from; i <= to; i++ {
		last = view(t, store, i, i)[0]
		want(t, viewed, i, i)
	}
	return last
}

// view writes viewings of v<from> to v<to> and returns their places.
func view(t *testing.T, store messagestore.Store, from, to int) (places []messagestore.Place) {
	t.Helper()
	for i := from; i <= to; i++ {
		data, err := contract.Marshal(&viewingv1.VideoViewed{VideoId: fmt.Sprintf("v%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, write(t, store, "viewing-1", "VideoViewed", data))
	}
	return places
}

func write(t *testing.T, store messagestore.Store, stream messagestore.Stream, messageType, data string) messagestore.Place {
	t.Helper()
	id := uuid.NewString()
	written, err := store.Write(t.Context(), stream, messagestore.Any, messagestore.NewMessage{ID: id, Type: messageType, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return messagestore.Place{Position: written.GlobalPosition, ID: id}
}

// want receives v<from> to v<to> in this order, and nothing else.
func want(t *testing.T, viewed <-chan string, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		want := fmt.Sprintf("v%d", i)
		if got := running.Receive(t, "handling of "+want, viewed); got != want {
			t.Fatalf("handled %s, want %s", got, want)
		}
	}
	select {
	case got := <-viewed:
		t.Fatalf("handled %s too", got)
	default:
	}
}

// saved returns the saved positions of the consumer "test", oldest first.
func saved(t *testing.T, store messagestore.Store) (places []messagestore.Place) {
	t.Helper()
	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfStream(positionStream("test"))}) {
		if err != nil {
			t.Fatal(err)
		}
		read, err := contract.Decode[*subscriberpositionv1.Read](m)
		if err != nil {
			t.Fatal(err)
		}
		if m.Metadata != "{}" {
			t.Errorf("the position has metadata %s", m.Metadata)
		}
		places = append(places, messagestore.Place{Position: read.GetPosition(), ID: read.GetMessageId()})
	}
	return places
}

// awaitSaved waits until the consumer "test" has saved a position.
func awaitSaved(t *testing.T, store messagestore.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), running.Patience)
	defer cancel()
	subscription := messagestore.Subscription{Source: messagestore.OfStream(positionStream("test"))}
	for event, err := range store.Subscribe(ctx, subscription) {
		if err != nil {
			t.Fatalf("await a saved position: %v", err)
		}
		if _, ok := event.(messagestore.Messages); ok {
			return
		}
	}
}

// savedUpTo checks that the last saved place is at the message or behind it: the
// consumer's own positions come after the message and are skipped.
func savedUpTo(t *testing.T, places []messagestore.Place, message messagestore.Place) {
	t.Helper()
	if len(places) == 0 || places[len(places)-1].Position < message.Position {
		t.Errorf("saved %v, want up to %v", places, message)
	}
}

func exec(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// A faulty store adds faults to another store.
type faulty struct {
	messagestore.Store
	// next, if set, replaces Store at the next subscription. A value sent to cut
	// ends the current subscription.
	next atomic.Pointer[messagestore.Store]
	cut  chan struct{}
	// subscribed, if set, receives at each subscription.
	subscribed chan struct{}
	// write, if set, is called before each Write.
	write func(context.Context) error
}

func (f *faulty) store() messagestore.Store {
	if next := f.next.Load(); next != nil {
		return *next
	}
	return f.Store
}

func (f *faulty) Subscribe(ctx context.Context, s messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		select {
		case f.subscribed <- struct{}{}:
		default:
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-f.cut:
				cancel()
			case <-done:
			}
		}()
		for event, err := range f.store().Subscribe(ctx, s) {
			if ctx.Err() != nil {
				err = &messagestore.UnavailableError{Reason: "cut"}
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

func (f *faulty) Last(ctx context.Context, stream messagestore.Stream, messageType string) (messagestore.Message, error) {
	return f.store().Last(ctx, stream, messageType)
}

func (f *faulty) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	if f.write != nil {
		if err := f.write(ctx); err != nil {
			return messagestore.Written{}, err
		}
	}
	return f.store().Write(ctx, stream, expected, messages...)
}
