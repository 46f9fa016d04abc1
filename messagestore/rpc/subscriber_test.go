package rpc

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// heap returns the bytes in use. A test that calls it MUST NOT run in parallel.
func heap() int64 {
	runtime.GC()
	runtime.GC() // frees what the first has left in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse) //nolint:gosec // far below
}

// subscribe opens a subscription and receives only its first response.
func subscribe(t *testing.T, w *wire, client messagestorev1.MessageStoreServiceClient) grpc.ServerStreamingClient[messagestorev1.SubscribeResponse] {
	t.Helper()
	stream, err := client.Subscribe(t.Context(), &messagestorev1.SubscribeRequest{
		Source: &messagestorev1.SubscribeRequest_Categories{Categories: &messagestorev1.Categories{Names: []string{"a"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err, w.log)
	}
	return stream
}

// another returns another client, with the smallest flow-control window.
func another(t *testing.T, w *wire) messagestorev1.MessageStoreServiceClient {
	t.Helper()
	return messagestorev1.NewMessageStoreServiceClient(
		w.plainConn(t, grpc.WithStaticStreamWindowSize(64<<10), grpc.WithStaticConnWindowSize(64<<10)))
}

// TestServer_SlowSubscriber checks that subscribers that never receive delay no other
// call, and that their memory does not grow with the log.
func TestServer_SlowSubscriber(t *testing.T) {
	w := connect(t, teststore.New(t))
	const slow, messages, size = 10, 20_000, 1000
	for range slow {
		subscribe(t, w, another(t, w))
	}

	received := make(chan int64, messages)
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() {
		for event, err := range w.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfCategories("a")}) {
			if err != nil {
				return
			}
			if messages, ok := event.(messagestore.Messages); ok {
				for _, m := range messages {
					received <- m.GlobalPosition
				}
			}
		}
	})

	payload := fmt.Sprintf(`{"x": %q}`, strings.Repeat("x", size))
	var some [500]messagestore.NewMessage
	for i := range some {
		some[i] = messagestore.NewMessage{Type: "Happened", Data: payload}
	}
	var before int64
	for written := 0; written < messages; {
		if _, err := w.Write(t.Context(), "a-1", messagestore.Any, some[:]...); err != nil {
			t.Fatal(err)
		}
		for range some {
			written++
			select {
			case got := <-received:
				if got != int64(written) {
					t.Fatalf("received position %d, want %d", got, written)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("position %d not received within 10 s", written)
			}
		}
		if written == messages/2 { // by now the tail and the windows are full
			before = heap()
		}
	}
	grown := heap() - before
	t.Logf("the heap grew by %d KiB while %d MiB were written for %d subscribers that do not receive", grown>>10, messages/2*size>>20, slow)
	// The tail may keep the messages once. Without a bound each subscriber would
	// keep them.
	if grown > messages*size { // twice
		t.Errorf("the heap grew by %d bytes, want at most %d", grown, messages*size)
	}
}

// TestServer_IdleSubscribers checks that a thousand idle subscriptions cause no
// queries.
func TestServer_IdleSubscribers(t *testing.T) {
	store, url := teststore.Open(t)
	w := connect(t, store)
	if _, err := w.Write(t.Context(), "a-1", messagestore.Any, messagestore.NewMessage{Type: "Happened", Data: "{}"}); err != nil {
		t.Fatal(err)
	}
	clients := []messagestorev1.MessageStoreServiceClient{another(t, w), another(t, w), another(t, w), another(t, w)}
	const subscribers = 1000
	before := heap()
	var streams []grpc.ServerStreamingClient[messagestorev1.SubscribeResponse]
	for i := range subscribers {
		streams = append(streams, subscribe(t, w, clients[i%len(clients)]))
	}
	progress(t, streams)
	t.Logf("%d bytes by subscriber and its client", (heap()-before)/subscribers)

	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.Background()) }()
	first, start := transactions(t, db), time.Now()
	progress(t, streams)
	n, seconds := transactions(t, db)-first, time.Since(start).Seconds()
	t.Logf("%d transactions in %.1f s", n, seconds)
	// The server polls the head each second, and this test makes two queries.
	if float64(n) > 3*seconds+10 {
		t.Errorf("%d transactions in %.1f s for idle subscribers", n, seconds)
	}
}

// progress waits for a heartbeat of each stream.
func progress(t *testing.T, streams []grpc.ServerStreamingClient[messagestorev1.SubscribeResponse]) {
	t.Helper()
	for _, stream := range streams {
		for {
			r, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if r.GetProgress() != nil {
				break
			}
		}
	}
}

// transactions returns the number of transactions of the database. Postgres counts
// those of a session when it has been idle for a second, or ends.
func transactions(t *testing.T, db *pgx.Conn) (n int64) {
	t.Helper()
	if _, err := db.Exec(t.Context(), "select pg_stat_force_next_flush()"); err != nil {
		t.Fatal(err)
	}
	err := db.QueryRow(t.Context(), `select xact_commit + xact_rollback from pg_stat_database where datname = current_database()`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
