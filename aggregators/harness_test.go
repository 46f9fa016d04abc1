package aggregators_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/aggregators"
	"videotutorials/aggregators/homepage"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

// A view is View Data of one test.
type view struct {
	t    *testing.T
	url  string
	conn *pgx.Conn
}

// newView returns View Data that tells when a position has moved.
func newView(t *testing.T) view {
	t.Helper()
	v := open(t, testdb.New(t, "view_data", viewdata.Migrate))
	v.exec(`create function moved() returns trigger language plpgsql as $$
		begin perform pg_notify('moved', ''); return null; end $$`)
	v.exec(`create trigger moved after insert or update on consumer_positions execute function moved()`)
	v.exec(`listen moved`)
	return v
}

// open connects to a database as the test.
func open(t *testing.T, url string) view {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = "test"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return view{t, url, conn}
}

func (v view) exec(sql string) {
	v.t.Helper()
	if _, err := v.conn.Exec(v.t.Context(), sql); err != nil {
		v.t.Fatalf("%s: %v", sql, err)
	}
}

func (v view) number(sql string) (n int64) {
	v.t.Helper()
	if err := v.conn.QueryRow(v.t.Context(), sql).Scan(&n); err != nil {
		v.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

const (
	videosWatched = `select coalesce((select (page_data->>'videosWatched')::bigint from pages where page_name = 'home'), -1)`
	lastProcessed = `select coalesce((select (page_data->>'lastViewProcessed')::bigint from pages where page_name = 'home'), -1)`
	place         = `select coalesce((select position from consumer_positions where consumer_id = 'aggregators:home-page'), -1)`
)

// await waits until the query's number is the wanted one, looking each time that
// a position moved.
func (v view) await(sql string, want int64) {
	v.t.Helper()
	for v.number(sql) != want {
		if _, err := v.conn.WaitForNotification(v.t.Context()); err != nil {
			v.t.Fatalf("waiting for %d: %v", want, err)
		}
	}
}

// A running Runner.
type running struct {
	*aggregators.Runner
	// stop ends it and waits for the end; so does the end of the test.
	stop func()
	// logged receives the text of each line that is not mere information.
	logged <-chan string
}

func (v view) run(store messagestore.Store, configure func(*aggregators.Runner), all ...aggregators.Aggregator) running {
	v.t.Helper()
	if len(all) == 0 {
		all = []aggregators.Aggregator{homepage.Aggregator()}
	}
	db, err := viewdata.Open(v.t.Context(), v.url, viewdata.Writer)
	if err != nil {
		v.t.Fatal(err)
	}
	log, logged := v.log()
	runner, err := aggregators.New(store, db, nil, log, all...)
	if err != nil {
		v.t.Fatal(err)
	}
	if configure != nil {
		configure(runner)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			v.t.Errorf("run: %v", err)
		}
		db.Close()
	})
	v.t.Cleanup(stop)
	return running{runner, stop, logged}
}

// log returns a log of the test, and its texts.
func (v view) log() (*slog.Logger, chan string) {
	logged := make(chan string, 10_000)
	return slog.New(watcher{slog.NewTextHandler(v.t.Output(), nil), logged}), logged
}

// A watcher is a log handler that passes on the texts.
type watcher struct {
	slog.Handler
	logged chan<- string
}

func (w watcher) Handle(ctx context.Context, r slog.Record) error {
	w.logged <- r.Message
	return w.Handler.Handle(ctx, r)
}

func (w watcher) WithAttrs(attributes []slog.Attr) slog.Handler {
	return watcher{w.Handler.WithAttrs(attributes), w.logged}
}

// awaitLog waits for a line with the text.
func (r running) awaitLog(text string) { awaitLine(r.logged, text) }

func awaitLine(logged <-chan string, text string) {
	for line := range logged {
		if line == text {
			return
		}
	}
}

// watch writes n viewings, in turn to three videos, and returns the last global
// position.
func watch(t *testing.T, store messagestore.Store, n int) (last int64) {
	t.Helper()
	for i := range n {
		last = write(t, store, messagestore.Stream(fmt.Sprintf("viewing-%d", i%3)), "VideoViewed", fmt.Sprintf(`{"videoId": "%d", "userId": null}`, i%3))
	}
	return last
}

func write(t *testing.T, store messagestore.Store, stream messagestore.Stream, messageType, data string) int64 {
	t.Helper()
	written, err := store.Write(t.Context(), stream, messagestore.Any, messagestore.NewMessage{ID: uuid.NewString(), Type: messageType, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return written.GlobalPosition
}

// A twice store delivers each message twice, one after the other, and each batch
// twice.
type twice struct{ messagestore.Store }

func (s twice) Subscribe(ctx context.Context, subscription messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		for event, err := range s.Store.Subscribe(ctx, subscription) {
			if messages, ok := event.(messagestore.Messages); ok {
				var doubled messagestore.Messages
				for _, m := range messages {
					doubled = append(doubled, m, m)
				}
				if !yield(doubled, nil) {
					return
				}
				event = doubled
			}
			if !yield(event, err) {
				return
			}
		}
	}
}
