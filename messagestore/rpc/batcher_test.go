package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/messagestore"
	"videotutorials/messagestore/storetest"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A batchedClient is a Client that sends each batchable write in a batch of its own.
type batchedClient struct{ *Client }

func (c batchedClient) Write(ctx context.Context, stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) (messagestore.Written, error) {
	request := toWrite(messagestore.Write{Stream: stream, Expected: expected, Messages: messages})
	fillIDs(request)
	w := newPendingWrite(ctx, request)
	if !w.batchable() {
		return c.Client.Write(ctx, stream, expected, messages...)
	}
	c.batcher.mu.Lock()
	c.batcher.pending = append(c.batcher.pending, w)
	c.batcher.sendPending()
	c.batcher.mu.Unlock()
	response, err := c.await(ctx, w)
	return fromWritten(response), err
}

// TestStore_Batched holds the client to the suite of every Store while all its
// writes are sent in batches.
func TestStore_Batched(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) messagestore.Store { return batchedClient{overTLS(t)} })
}

// A blockingStore lets no write end until end is closed, and counts the writes.
type blockingStore struct {
	fakeStore
	mu     sync.Mutex
	began  map[string]int // by message type
	result func(messageType string) error
	end    chan struct{}
}

func newBlockingStore(result func(messageType string) error) *blockingStore {
	s := &blockingStore{began: map[string]int{}, result: result, end: make(chan struct{})}
	s.write = func(ctx context.Context, m ...messagestore.NewMessage) (messagestore.Written, error) {
		s.mu.Lock()
		s.began[m[0].Type]++
		s.mu.Unlock()
		select {
		case <-s.end:
			return messagestore.Written{Position: int64(len(m[0].Type))}, s.result(m[0].Type)
		case <-ctx.Done():
			return messagestore.Written{}, ctx.Err()
		}
	}
	return s
}

func succeed(string) error { return nil }

// count returns how often a write of the message type has reached the store.
func (s *blockingStore) count(messageType string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began[messageType]
}

// A writers are concurrent writes of a client, by the type of their message.
type writers struct {
	*wire
	store  *blockingStore
	result map[string]chan error
}

// write starts a write and returns when it blocks, in the store or in the client.
func (w *writers) write(ctx context.Context, messageType string, more ...messagestore.NewMessage) {
	result := make(chan error, 1)
	w.result[messageType] = result
	messages := append([]messagestore.NewMessage{{Type: messageType, Data: "{}"}}, more...)
	go func() {
		written, err := w.Write(ctx, "a-1", messagestore.Any, messages...)
		if err == nil && written.Position != int64(len(messageType)) {
			err = fmt.Errorf("the result of another write: %+v", written)
		}
		result <- err
	}()
	synctest.Wait()
}

// finish lets all writes end, and checks that they succeed.
func (w *writers) finish(t *testing.T) {
	t.Helper()
	close(w.store.end)
	for messageType, result := range w.result {
		if err := <-result; err != nil {
			t.Errorf("write %q: %v", messageType, err)
		}
	}
}

// testBatcher runs the test in fake time, with so many writes in flight that the
// next write waits.
func testBatcher(t *testing.T, result func(messageType string) error, test func(t *testing.T, w *writers), options ...grpc.DialOption) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := newBlockingStore(result)
		w := &writers{serve(store, ServerOptions{}, func(*Server) {}), store, map[string]chan error{}}
		w.dial(t, options...)
		defer w.close(t)
		for i := range maxSingleWrites {
			w.write(t.Context(), fmt.Sprint("in flight ", i))
		}
		test(t, w)
	})
}

func TestBatcher(t *testing.T) {
	testBatcher(t, func(messageType string) error {
		if messageType == "conflict" {
			return &messagestore.VersionConflictError{Stream: "a-1", Expected: 1, Actual: 2}
		}
		return nil
	}, func(t *testing.T, w *writers) {
		types := []string{"a", "bb", "ccc", "conflict", "dddd"}
		for _, messageType := range types {
			w.write(t.Context(), messageType)
			if w.store.count(messageType) > 0 {
				t.Errorf("write %s did not wait", messageType)
			}
		}
		close(w.store.end)
		for messageType, result := range w.result {
			var conflict *messagestore.VersionConflictError
			if err := <-result; errors.As(err, &conflict) != (messageType == "conflict") || err != nil && conflict == nil {
				t.Errorf("write %s: %v", messageType, err)
			}
		}
		if n := w.handled(t, "WriteEach"); n != 1 {
			t.Errorf("%v calls of WriteEach, want 1", n)
		}
		if n := w.handled(t, "Write"); n != float64(maxSingleWrites+len(types)) {
			t.Errorf("%v writes are counted, want %d", n, maxSingleWrites+len(types))
		}
		start := time.Now()
		w.write(t.Context(), "last")
		if err := <-w.result["last"]; err != nil || time.Since(start) > 0 {
			t.Errorf("a write with none in flight took %v: %v", time.Since(start), err)
		}
	})
}

// TestBatcher_Unanswered checks that a server without an answer delays other
// writes by inFlightTimeout, and only once.
func TestBatcher_Unanswered(t *testing.T) {
	testBatcher(t, succeed, func(t *testing.T, w *writers) {
		w.write(t.Context(), "first")
		time.Sleep(inFlightTimeout)
		synctest.Wait()
		w.write(t.Context(), "second")
		for _, messageType := range []string{"first", "second"} {
			if w.store.count(messageType) != 1 {
				t.Errorf("the %s write still waits", messageType)
			}
		}
		w.finish(t)
		synctest.Wait()
		w.batcher.mu.Lock()
		defer w.batcher.mu.Unlock()
		if n := w.batcher.calls; n != 0 {
			t.Errorf("%d calls are in flight at the end", n)
		}
	})
}

// TestBatcher_Turns checks that with many writes in flight the next batch has as
// many, and that the pending writes go without others once no call is in flight.
func TestBatcher_Turns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		returned := make(chan struct{})
		b := &batcher{send: func(batch []*pendingWrite) {
			sizes = append(sizes, len(batch))
			<-returned
		}}
		add := func(writes int) (done func()) {
			for range writes {
				done = b.add(newPendingWrite(t.Context(), &messagestorev1.WriteRequest{}))
			}
			synctest.Wait()
			return done
		}
		expect := func(when string, want ...int) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(sizes, want) {
				t.Errorf("%s: batches of %v, want %v", when, sizes, want)
			}
		}
		var singles []func()
		for range maxSingleWrites {
			singles = append(singles, add(1))
		}
		add(20)
		expect("single writes in flight")
		singles[0]()
		expect("one single write less in flight", 20)
		for _, done := range singles[1:] {
			done()
		}
		add(19)
		expect("19 pending, 20 in flight", 20)
		add(1)
		expect("20 pending, 20 in flight", 20, 20)
		add(5)
		close(returned)
		expect("no call in flight", 20, 20, 5)
		if b.calls != 0 || b.writes != 0 {
			t.Errorf("%d calls and %d writes are in flight at the end", b.calls, b.writes)
		}
	})
}

// TestBatcher_Bounds checks that a full batch is sent at once.
func TestBatcher_Bounds(t *testing.T) {
	testBatcher(t, succeed, func(t *testing.T, w *writers) {
		for i := range maxBatchWrites {
			w.write(t.Context(), fmt.Sprint("n", i))
		}
		if w.store.count("n0") != 0 {
			t.Error("the batch was sent before it was full")
		}
		w.write(t.Context(), "one more")
		if w.store.count("n0") != 1 || w.store.count("one more") != 0 {
			t.Error("the full batch was not sent without the next write")
		}
		w.finish(t)
	})
}

// TestBatcher_Cancel checks that one caller's cancellation ends its own write at
// once, and does not fail the batch.
func TestBatcher_Cancel(t *testing.T) {
	testBatcher(t, succeed, func(t *testing.T, w *writers) {
		ctx, cancel := context.WithCancel(t.Context())
		w.write(ctx, "canceled")
		w.write(t.Context(), "other")
		cancel()
		if err := <-w.result["canceled"]; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want Canceled", err)
		}
		start := time.Now()
		isUnavailable(t, <-w.result["other"]) // the store never answers
		if took := time.Since(start); took != callTimeout {
			t.Errorf("the other write took %v, want %v", took, callTimeout)
		}
		close(w.store.end)
	})
}

// TestBatcher_Deadline checks that a write outlives the deadline of its batch, and
// that a write without a caller is not made again.
func TestBatcher_Deadline(t *testing.T) {
	testBatcher(t, succeed, func(t *testing.T, w *writers) {
		long, cancel := context.WithTimeout(t.Context(), 3*callTimeout)
		defer cancel()
		left, leave := context.WithCancel(t.Context())
		w.write(long, "waits")
		w.write(left, "left")
		leave()
		time.Sleep(callTimeout + time.Second)
		close(w.store.end)
		if err := <-w.result["waits"]; err != nil {
			t.Error(err)
		}
		if n := w.store.count("left"); n != 0 {
			t.Errorf("the write without a caller was made %d times", n)
		}
	})
}

// TestBatcher_Retry checks that a write is made again alone if its batch failed
// because of another write or of an older server, or if it is UNAVAILABLE.
func TestBatcher_Retry(t *testing.T) {
	older := grpc.WithUnaryInterceptor(func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, next grpc.UnaryInvoker, o ...grpc.CallOption) error {
		if method == messagestorev1.MessageStoreService_WriteEach_FullMethodName {
			return status.Error(codes.Unimplemented, "unknown method WriteEach")
		}
		return next(ctx, method, in, out, conn, o...)
	})
	for name, options := range map[string][]grpc.DialOption{"another write": nil, "older server": {older}, "one unavailable": nil} {
		t.Run(name, func(t *testing.T) {
			failures := 2
			testBatcher(t, func(messageType string) error {
				if messageType == "unavailable" && failures > 0 {
					failures--
					return &messagestore.UnavailableError{Reason: "not yet"}
				}
				return nil
			}, func(t *testing.T, w *writers) {
				if name == "another write" {
					w.write(t.Context(), "\xff")
				}
				w.write(t.Context(), "unavailable")
				w.write(t.Context(), "good")
				close(w.store.end)
				for messageType, result := range w.result {
					var invalid *messagestore.InvalidError
					if err := <-result; errors.As(err, &invalid) != (messageType == "\xff") || err != nil && invalid == nil {
						t.Errorf("write %q: %v", messageType, err)
					}
				}
				if n := w.store.count("unavailable"); n != 3 {
					t.Errorf("%d attempts, want 3", n)
				}
			}, options...)
		})
	}
}

// TestBatcher_Alone checks that a write with a short deadline, a traced one and a
// large one are not batched.
func TestBatcher_Alone(t *testing.T) {
	testBatcher(t, succeed, func(t *testing.T, w *writers) {
		short, cancel := context.WithTimeout(t.Context(), maxAttempts*attemptTimeout)
		defer cancel()
		traced := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled,
		}))
		w.write(short, "short")
		w.write(traced, "traced")
		w.write(t.Context(), "large", make([]messagestore.NewMessage, maxPendingMessages)...)
		for _, messageType := range []string{"short", "traced", "large"} {
			if w.store.count(messageType) != 1 {
				t.Errorf("the %s write waits", messageType)
			}
		}
		w.finish(t)
	})
}
