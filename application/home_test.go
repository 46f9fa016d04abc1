package application

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
	"videotutorials/viewdata"
)

func execute(t testing.TB, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestGetHome(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	for _, path := range []string{"/v1/home", "/v1/home?pageSize=1000&pageToken=", "/v1/home?page_size=0"} {
		got := a.call(t, "GET", path, "")
		if want := `{"videosWatched":"0","videos":[],"nextPageToken":""}`; got.status != http.StatusOK || compact(got.body) != want {
			t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
		}
	}
	execute(t, a.viewURL, `insert into pages values ('home', '{"videosWatched": 9007199254740993}')`)
	got := a.call(t, "GET", "/v1/home", "")
	if want := `{"videosWatched":"9007199254740993","videos":[],"nextPageToken":""}`; compact(got.body) != want {
		t.Errorf("%s, want %s", got.body, want)
	}
}

// compact removes spaces, which protojson adds at random.
func compact(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestGetHome_NotReady(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "empty", func(context.Context, string) error { return nil })
	a := start(t, Config{Store: teststore.New(t), ViewData: open(t, url)})
	for _, path := range []string{"/v1/home", "/readyz"} {
		if got := a.call(t, "GET", path, ""); got.status != http.StatusServiceUnavailable || !strings.Contains(strings.ToLower(got.body), "view data") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := a.call(t, "GET", "/healthz", ""); got.status != http.StatusOK {
		t.Errorf("/healthz: %d %s", got.status, got.body)
	}
	if got := a.record(t, aVideo); got.status != http.StatusAccepted {
		t.Errorf("a viewing: %d %s", got.status, got.body)
	}
	if got := a.register(t, nil, "email", anEmail, "password", aPassword); got.status != http.StatusAccepted {
		t.Errorf("a registration: %d %s", got.status, got.body)
	}
	if err := viewdata.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/home", "/readyz"} {
		if got := a.call(t, "GET", path, ""); got.status != http.StatusOK {
			t.Errorf("then %s: %d %s", path, got.status, got.body)
		}
	}
}

func TestRecordViewing(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	got := a.record(t, strings.ToUpper(aVideo))
	if got.status != http.StatusAccepted {
		t.Fatalf("answer is %d %s", got.status, got.body)
	}
	trace := got.traceID(t)
	if trace != got.header.Get("X-Trace-Id") || uuid.MustParse(trace).Version() != 4 {
		t.Errorf("traceId is %q, X-Trace-Id %q", trace, got.header.Get("X-Trace-Id"))
	}
	if !strings.Contains(a.log.String(), trace) {
		t.Errorf("the log has no %s:\n%s", trace, a.log)
	}
	all := stored(t, a.store)
	if len(all) != 1 {
		t.Fatalf("stored: %v", all)
	}
	m := all[0]
	if m.Stream != "viewing-"+aVideo || m.Type != "VideoViewed" {
		t.Errorf("stored %s in %s", m.Type, m.Stream)
	}
	if want := `{"userId": null, "videoId": "` + aVideo + `"}`; m.Data != want {
		t.Errorf("data is %s, want %s", m.Data, want)
	}
	if want := `{"userId": null, "traceId": "` + trace + `"}`; m.Metadata != want {
		t.Errorf("metadata is %s, want %s", m.Metadata, want)
	}
	if got := a.call(t, http.MethodPost, "/v1/videos/"+aVideo+"/viewings", " {} \n", "Content-Type", "application/json"); got.status != http.StatusAccepted {
		t.Errorf("with {}: %d %s", got.status, got.body)
	}
}

func TestRecordViewing_Concurrent(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	videos := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	var (
		clients sync.WaitGroup
		traces  sync.Map
		left    = make(chan int, 1000)
	)
	for i := range cap(left) {
		left <- i
	}
	close(left)
	for range 32 {
		clients.Go(func() {
			for i := range left {
				got := a.record(t, videos[i%len(videos)])
				got.check(t, http.StatusAccepted)
				if _, twice := traces.LoadOrStore(got.traceID(t), true); twice {
					t.Error("two viewings have one trace id")
				}
			}
		})
	}
	clients.Wait()

	all := stored(t, a.store)
	if len(all) != 1000 {
		t.Errorf("%d viewings are stored", len(all))
	}
	next := map[messagestore.Stream]int64{}
	for i, m := range all {
		if m.GlobalPosition != int64(i+1) || m.Position != next[m.Stream] || m.Type != "VideoViewed" {
			t.Errorf("message %d of %s, %s, is at %d and %d", i, m.Stream, m.Type, m.GlobalPosition, m.Position)
		}
		next[m.Stream]++
	}
}

func TestRecordViewing_IdempotencyKey(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	key := uuid.NewString()
	first := a.record(t, aVideo, "Idempotency-Key", key)
	if first.status != http.StatusAccepted {
		t.Fatalf("answer is %d %s", first.status, first.body)
	}

	var repeats sync.WaitGroup
	for i := range 8 {
		repeats.Go(func() {
			video, key := aVideo, key
			if i%2 == 0 {
				video, key = strings.ToUpper(video), strings.ToUpper(key)
			}
			again := a.record(t, video, "idempotency-key", key)
			if again.status != first.status || again.body != first.body || again.header.Get("X-Trace-Id") != first.traceID(t) {
				t.Errorf("a repeat: %d %s, X-Trace-Id %s", again.status, again.body, again.header.Get("X-Trace-Id"))
			}
		})
	}
	repeats.Wait()
	if all := stored(t, a.store); len(all) != 1 {
		t.Fatalf("%d viewings are stored", len(all))
	}

	other := a.record(t, uuid.NewString(), "Idempotency-Key", key)
	if other.status != http.StatusAccepted || other.traceID(t) == first.traceID(t) {
		t.Errorf("another video: %d %s", other.status, other.body)
	}
	if all := stored(t, a.store); len(all) != 2 {
		t.Errorf("%d viewings are stored", len(all))
	}
}

func TestRecordViewing_KeyReused(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	const id = "58b4e59c-c25e-83fd-a36e-027cac7c3a9a" // of the first message of a call with aKey
	if _, err := a.store.Write(t.Context(), "viewing-"+aVideo, messagestore.Any, messagestore.NewMessage{ID: id, Type: "Other", Data: "{}"}); err != nil {
		t.Fatal(err)
	}
	got := a.record(t, aVideo, "Idempotency-Key", aKey)
	if got.status != http.StatusConflict || !strings.Contains(got.body, "IDEMPOTENCY_KEY_REUSED") {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
}

// A losing store writes and then loses the answer.
type losing struct {
	messagestore.Store
	mu   sync.Mutex
	left int
}

func (l *losing) Write(ctx context.Context, s messagestore.Stream, v messagestore.Version, m ...messagestore.NewMessage) (messagestore.Written, error) {
	written, err := l.Store.Write(ctx, s, v, m...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left > 0 {
		l.left--
		return messagestore.Written{}, &messagestore.UnavailableError{Reason: "secret of the connection"}
	}
	return written, err
}

func TestRecordViewing_AnswerLost(t *testing.T) {
	t.Parallel()
	a := start(t, Config{Store: &losing{Store: teststore.New(t), left: 3}})
	key := uuid.NewString()
	var traces []string
	for _, want := range []int{503, 503, 503, 202} {
		got := a.record(t, aVideo, "Idempotency-Key", key)
		if got.status != want || strings.Contains(got.body, "secret") {
			t.Errorf("answer is %d %s, want %d", got.status, got.body, want)
		}
		traces = append(traces, got.header.Get("X-Trace-Id"))
	}
	if traces[0] != traces[3] {
		t.Errorf("trace ids are %q", traces)
	}
	if !strings.Contains(a.log.String(), "secret of the connection") {
		t.Errorf("the log has no cause:\n%s", a.log)
	}
	if all := stored(t, a.store); len(all) != 1 {
		t.Errorf("%d viewings are stored", len(all))
	}
}

// A viewing is repeated until the store is available, and stored once.
func TestRecordViewing_StoreAway(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	port := listen(t)
	addr := port.Addr().String()
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := rpc.Dial(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	a := start(t, Config{Store: client})
	key := uuid.NewString()
	away := a.record(t, aVideo, "Idempotency-Key", key, "Grpc-Timeout", "500m")
	away.check(t, http.StatusGatewayTimeout)
	if got := a.call(t, "GET", "/readyz", ""); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "message store") {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}

	back, err := net.Listen("tcp", addr) //nolint:noctx // returns at once
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(store, rpc.ServerOptions{Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	running.Start(t, func(ctx context.Context) error { return server.Run(ctx, back) })
	for range 2 {
		got := a.record(t, aVideo, "Idempotency-Key", key)
		if got.status != http.StatusAccepted || got.traceID(t) != away.header.Get("X-Trace-Id") {
			t.Errorf("answer is %d %s", got.status, got.body)
		}
	}
	if all := stored(t, store); len(all) != 1 {
		t.Errorf("%d viewings are stored", len(all))
	}
	if got := a.call(t, "GET", "/readyz", ""); got.status != http.StatusOK {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}
}
