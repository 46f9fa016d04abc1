package rpc

import (
	"context"
	"errors"
	"fmt"
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

// TestStore_Gathered holds the client to the suite of every Store while all its
// writes go with others.
func TestStore_Gathered(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) messagestore.Store {
		client := overTLS(t).(*Client)
		client.gathering.calls, client.gathering.patience = underWay, 0
		return client
	})
}

// TestStore_Gathered_Writer: company changes nothing about who writes.
func TestStore_Gathered_Writer(t *testing.T) {
	t.Parallel()
	client := overTLS(t).(*Client)
	client.gathering.calls, client.gathering.patience = underWay, 0
	if _, err := client.Write(t.Context(), "a-1", messagestore.None, messagestore.NewMessage{Type: "Happened", Data: "{}"}); err != nil {
		t.Fatal(err)
	}
	m, err := client.Last(t.Context(), "a-1", "")
	if err != nil || m.Writer != "spiffe://videotutorials/application" {
		t.Errorf("%+v %v", m, err)
	}
}

// A busy store lets no write end before it is told to, and counts.
type busy struct {
	script
	mu     sync.Mutex
	begun  map[string]int // by type, how often
	answer func(kind string) error
	end    chan struct{}
}

func newBusy(answer func(kind string) error) *busy {
	b := &busy{begun: map[string]int{}, answer: answer}
	b.write = func(ctx context.Context, m ...messagestore.NewMessage) (messagestore.Written, error) {
		b.mu.Lock()
		b.begun[m[0].Type]++
		b.mu.Unlock()
		select {
		case <-b.end:
			return messagestore.Written{Position: int64(len(m[0].Type))}, b.answer(m[0].Type)
		case <-ctx.Done():
			return messagestore.Written{}, ctx.Err()
		}
	}
	return b
}

func (b *busy) count(kind string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.begun[kind]
}

// A crowd is writes that are made at the same time.
type crowd struct {
	w    *wire
	errs map[string]chan error
}

// add makes a write of the type, which is where the others are, too, on return.
func (c *crowd) add(ctx context.Context, kind string) {
	err := make(chan error, 1)
	c.errs[kind] = err
	go func() {
		written, e := c.w.Write(ctx, "a-1", messagestore.Any, messagestore.NewMessage{Type: kind, Data: "{}"})
		if e == nil && written.Position != int64(len(kind)) {
			e = fmt.Errorf("another's answer: %+v", written)
		}
		err <- e
	}()
	synctest.Wait()
}

// crowded gives the test a crowd of which so many writes are under way that the
// next one waits, in fake time.
func crowded(t *testing.T, b *busy, test func(t *testing.T, c *crowd), options ...grpc.DialOption) {
	synctest.Test(t, func(t *testing.T) {
		b.end = make(chan struct{}) // of the bubble
		w := serve(b, ServerOptions{}, func(*Server) {})
		var err error
		options = append(options, grpc.WithContextDialer(w.dialer))
		if w.Client, err = dial("passthrough:test", nil, options...); err != nil {
			t.Fatal(err)
		}
		defer w.close(t)
		c := &crowd{w, map[string]chan error{}}
		for i := range underWay {
			c.add(t.Context(), fmt.Sprint("under way ", i))
		}
		test(t, c)
	})
}

func allWell(string) error { return nil }

func TestGather(t *testing.T) {
	b := newBusy(func(kind string) error {
		if kind == "conflict" {
			return &messagestore.VersionConflictError{Stream: "a-1", Expected: 1, Actual: 2}
		}
		return nil
	})
	crowded(t, b, func(t *testing.T, c *crowd) {
		kinds := []string{"a", "bb", "ccc", "conflict", "dddd"}
		for _, kind := range kinds {
			c.add(t.Context(), kind)
			if b.count(kind) > 0 {
				t.Errorf("%s did not wait", kind)
			}
		}
		close(b.end)
		for kind, ended := range c.errs {
			var conflict *messagestore.VersionConflictError
			if err := <-ended; errors.As(err, &conflict) != (kind == "conflict") || err != nil && conflict == nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		if n := c.w.handled(t, "WriteEach"); n != 1 {
			t.Errorf("%v calls for all, expected 1", n)
		}
		if n := c.w.handled(t, "Write"); n != float64(underWay+len(kinds)) {
			t.Errorf("%v writes are counted, expected %d", n, underWay+len(kinds))
		}
		// Nobody is under way any more: the next one waits for nothing.
		start := time.Now()
		c.add(t.Context(), "last")
		if err := <-c.errs["last"]; err != nil || time.Since(start) > 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestGather_Patience: what waits goes although nothing returns, as from a server
// that is silent.
func TestGather_Patience(t *testing.T) {
	b := newBusy(allWell)
	crowded(t, b, func(t *testing.T, c *crowd) {
		c.add(t.Context(), "waits")
		time.Sleep(gatherFor)
		synctest.Wait()
		if b.count("waits") != 1 {
			t.Error("it still waits")
		}
		close(b.end)
		for kind, ended := range c.errs {
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}

// TestGather_Full: what waits is a call's size at the most.
func TestGather_Full(t *testing.T) {
	b := newBusy(allWell)
	crowded(t, b, func(t *testing.T, c *crowd) {
		for i := range maxGathered {
			c.add(t.Context(), fmt.Sprint("n", i))
		}
		if b.count("n0") != 0 {
			t.Error("they went before they were enough")
		}
		c.add(t.Context(), "one more")
		if b.count("n0") != 1 || b.count("one more") != 0 {
			t.Error("those before did not go without the one more")
		}
		close(b.end)
		for kind, ended := range c.errs {
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}

// TestGather_GivesUp: who gives up is answered at once, and the others have their
// own time.
func TestGather_GivesUp(t *testing.T) {
	b := newBusy(allWell)
	crowded(t, b, func(t *testing.T, c *crowd) {
		ctx, cancel := context.WithCancel(t.Context())
		c.add(ctx, "gives up")
		c.add(t.Context(), "stays")
		cancel()
		if err := <-c.errs["gives up"]; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, expected Canceled", err)
		}
		// Not even those whose call is silent wait for longer than anybody.
		start := time.Now()
		isUnavailable(t, <-c.errs["stays"])
		if took := time.Since(start); took != answerWithin {
			t.Errorf("it took %v", took)
		}
		close(b.end)
	})
}

// TestGather_Deadline: a deadline that is later than that of the call counts. What
// nobody waits for any more is not written.
func TestGather_Deadline(t *testing.T) {
	b := newBusy(allWell)
	crowded(t, b, func(t *testing.T, c *crowd) {
		long, cancel := context.WithTimeout(t.Context(), 3*answerWithin)
		defer cancel()
		gone, leave := context.WithCancel(t.Context())
		c.add(long, "waits")
		c.add(gone, "leaves")
		leave()
		time.Sleep(answerWithin + time.Second)
		close(b.end)
		if err := <-c.errs["waits"]; err != nil {
			t.Error(err)
		}
		if n := b.count("leaves"); n != 0 {
			t.Errorf("written %d times for nobody", n)
		}
	})
}

// TestGather_Shrinks: what was sent beside calls without an answer is not sent so
// for ever.
func TestGather_Shrinks(t *testing.T) {
	g := newGathering(nil)
	g.calls, g.waiting, g.flushed = underWay+1, []*passenger{{}}, time.Now().Add(-2*attemptWithin)
	g.leave(1)
	if g.calls != underWay || len(g.waiting) != 1 {
		t.Errorf("%d calls, %d wait: expected one call fewer", g.calls, len(g.waiting))
	}
}

// TestGather_Repeated: what the company, or an older server, is the reason for is
// repeated alone, and what is UNAVAILABLE as gRPC repeats a call.
func TestGather_Repeated(t *testing.T) {
	unknown := grpc.WithUnaryInterceptor(func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, next grpc.UnaryInvoker, o ...grpc.CallOption) error {
		if method == messagestorev1.MessageStoreService_WriteEach_FullMethodName {
			return status.Error(codes.Unimplemented, "unknown method WriteEach")
		}
		return next(ctx, method, in, out, conn, o...)
	})
	for name, options := range map[string][]grpc.DialOption{"company": nil, "older server": {unknown}, "one of them": nil} {
		t.Run(name, func(t *testing.T) {
			away := 2
			b := newBusy(func(kind string) error {
				if kind == "away" && away > 0 {
					away--
					return &messagestore.UnavailableError{Reason: "not yet"}
				}
				return nil
			})
			crowded(t, b, func(t *testing.T, c *crowd) {
				if name == "company" {
					c.add(t.Context(), "\xff")
				}
				c.add(t.Context(), "away")
				c.add(t.Context(), "good")
				close(b.end)
				for kind, ended := range c.errs {
					var invalid *messagestore.InvalidError
					if err := <-ended; errors.As(err, &invalid) != (kind == "\xff") || err != nil && invalid == nil {
						t.Errorf("%q: %v", kind, err)
					}
				}
				if n := b.count("away"); n != 3 {
					t.Errorf("%d tries, expected 3", n)
				}
			}, options...)
		})
	}
}

// TestGather_Alone: who has little time, brings much, or is traced goes alone.
func TestGather_Alone(t *testing.T) {
	b := newBusy(allWell)
	crowded(t, b, func(t *testing.T, c *crowd) {
		short, cancel := context.WithTimeout(t.Context(), attempts*attemptWithin)
		defer cancel()
		c.add(short, "short")
		c.add(trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled,
		})), "traced")
		for _, kind := range []string{"short", "traced"} {
			if b.count(kind) != 1 {
				t.Errorf("%s waits for others", kind)
			}
		}
		many := make([]messagestore.NewMessage, maxOneMessages+1)
		many[0].Type = "many"
		ended := make(chan error)
		go func() {
			_, err := c.w.Write(t.Context(), "a-1", messagestore.Any, many...)
			ended <- err
		}()
		synctest.Wait()
		if b.count("many") != 1 {
			t.Error("many wait for others")
		}
		close(b.end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for kind, ended := range c.errs {
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}
