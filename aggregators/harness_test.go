package aggregators_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/aggregators"
	"videotutorials/aggregators/homepage"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A view is the View Data of one test.
type view struct {
	t    *testing.T
	url  string
	conn *pgx.Conn
}

// newView returns View Data with a trigger that notifies of each saved position.
func newView(t *testing.T) view {
	t.Helper()
	v := open(t, testdb.New(t, "view_data", viewdata.Migrate))
	v.exec(`create function moved() returns trigger language plpgsql as $$
		begin perform pg_notify('moved', ''); return null; end $$`)
	v.exec(`create trigger moved after insert or update on consumer_positions execute function moved()`)
	v.exec(`listen moved`)
	return v
}

// open connects to a database with the application name "test".
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

func (v view) expectNumber(sql string, want int64) {
	v.t.Helper()
	if got := v.number(sql); got != want {
		v.t.Errorf("%s: %d, want %d", sql, got, want)
	}
}

func (v view) texts(sql string) []string {
	v.t.Helper()
	rows, _ := v.conn.Query(v.t.Context(), sql)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		v.t.Fatalf("%s: %v", sql, err)
	}
	return texts
}

const (
	videosWatched = `select coalesce((select (page_data->>'videosWatched')::bigint from pages where page_name = 'home'), -1)`
	lastProcessed = `select coalesce((select (page_data->>'lastViewProcessed')::bigint from pages where page_name = 'home'), -1)`
	homePosition  = `select coalesce((select position from consumer_positions where consumer_id = 'aggregators:home-page'), -1)`
)

// await waits until the query returns the number. It repeats the query after each
// notification of a saved position.
func (v view) await(sql string, want int64) {
	v.t.Helper()
	for got := v.number(sql); got != want; got = v.number(sql) {
		v.awaitNotification(fmt.Sprintf("%s: %d, want %d", sql, got, want))
	}
}

func (v view) awaitPosition(id string, position int64) {
	v.t.Helper()
	v.await(fmt.Sprintf("select coalesce((select position from consumer_positions where consumer_id = '%s'), -1)", id), position)
}

func (v view) awaitNotification(awaited string) string {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), running.Patience)
	defer cancel()
	n, err := v.conn.WaitForNotification(ctx)
	if err != nil {
		v.t.Fatalf("%s: %v", awaited, err)
	}
	return n.Payload
}

// killConnections ends the connections of the aggregators after each notification,
// until ctx ends.
func killConnections(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	killer := open(t, url)
	killer.exec("listen moved")
	for ctx.Err() == nil {
		killer.number(`select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and application_name <> 'test'`)
		if _, err := killer.conn.WaitForNotification(ctx); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
}

// An instance is a running Runner.
type instance struct {
	*aggregators.Runner
	t    *testing.T
	stop func()
	// logged receives the message of each log line.
	logged <-chan string
}

// run runs the aggregators, by default homepage, until stop or the end of the test.
func (v view) run(store messagestore.Store, configure func(*aggregators.Runner), all ...aggregators.Aggregator) instance {
	v.t.Helper()
	if len(all) == 0 {
		all = []aggregators.Aggregator{homepage.Aggregator()}
	}
	db, err := viewdata.Open(v.t.Context(), v.url, viewdata.Writer)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(db.Close)
	log, logged := v.log()
	runner, err := aggregators.New(store, db, nil, log, all...)
	if err != nil {
		v.t.Fatal(err)
	}
	if configure != nil {
		configure(runner)
	}
	return instance{runner, v.t, running.Start(v.t, runner.Run), logged}
}

func (i instance) expectReady() {
	i.t.Helper()
	if err := i.Ready(i.t.Context()); err != nil {
		i.t.Errorf("ready: %v", err)
	}
}

// awaitLog waits for a log line with the message.
func (i instance) awaitLog(message string) { awaitLine(i.t, i.logged, message) }

func awaitLine(t *testing.T, logged <-chan string, message string) {
	t.Helper()
	for running.Receive(t, "log message "+message, logged) != message {
	}
}

// log returns the log of the test, and the channel of its messages.
func (v view) log() (*slog.Logger, chan string) {
	logged := make(chan string, 10_000)
	return slog.New(logRecorder{slog.NewTextHandler(v.t.Output(), nil), logged}), logged
}

// A logRecorder sends the messages to the channel.
type logRecorder struct {
	slog.Handler
	logged chan<- string
}

func (w logRecorder) Handle(ctx context.Context, r slog.Record) error {
	w.logged <- r.Message
	return w.Handler.Handle(ctx, r)
}

func (w logRecorder) WithAttrs(attributes []slog.Attr) slog.Handler {
	return logRecorder{w.Handler.WithAttrs(attributes), w.logged}
}

// watch writes n viewings of three videos and returns the last global position.
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

// A twice store delivers each message twice in a row, and each batch twice.
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

// createViewings creates the table of the example.
func createViewings(t testing.TB, url string) {
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "create table viewings (video_id uuid primary key, times bigint not null); grant all on viewings to view_writer")
	if err != nil {
		t.Fatal(err)
	}
}
