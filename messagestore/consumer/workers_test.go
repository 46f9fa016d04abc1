package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// fill writes n messages to each of the streams, in turn, and returns their places.
func fill(t *testing.T, store messagestore.Store, n, streams int) (places []messagestore.Place) {
	t.Helper()
	for range n {
		for s := range streams {
			places = append(places, write(t, store, messagestore.Stream(fmt.Sprintf("viewing-%d", s)), "VideoViewed", "{}"))
		}
	}
	return places
}

// TestConsumer_Order handles entities in parallel and the messages of each in order.
func TestConsumer_Order(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const n, streams = 50, 4
	last := fill(t, store, n, streams)[n*streams-1]
	var together sync.WaitGroup // the first tasks of all entities run together
	together.Add(streams)
	handled := make(chan messagestore.Message, n*streams)
	c := viewings("test", func(_ context.Context, m messagestore.Message, _ func()) error {
		if m.Position == 0 {
			together.Done()
			together.Wait()
		}
		handled <- m
		return nil
	})
	run := start(t, c, store, lazy)
	next := map[messagestore.Stream]int64{}
	for range n * streams {
		m := running.Receive(t, "a message", handled)
		if m.Position != next[m.Stream] {
			t.Fatalf("handled %d of %s, want %d", m.Position, m.Stream, next[m.Stream])
		}
		next[m.Stream]++
	}
	run.stop()
	if got := saved(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("saved %v, want %v", got, last)
	}
}

// TestConsumer_EntityFails makes one entity fail: the others continue, the position stays
// below its message, and the next start resumes there.
func TestConsumer_EntityFails(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	places := fill(t, store, 3, 3)
	registry := prometheus.NewRegistry()
	handled := make(chan messagestore.Message, 100)
	bad := messagestore.Stream("viewing-1")
	c := viewings("test", func(_ context.Context, m messagestore.Message, _ func()) error {
		if m.Stream == bad && m.Position == 1 {
			return errors.New("not now")
		}
		handled <- m
		return nil
	})
	c.Metrics = NewMetrics(registry, store)
	if err := c.Ready(); !errors.Is(err, errStarting) {
		t.Errorf("ready before it ran: %v", err)
	}
	run := start(t, c, store, lazy)
	for range 3 + 3 + 1 {
		if m := running.Receive(t, "a message", handled); m.Stream == bad && m.Position != 0 {
			t.Errorf("handled %d of %s behind the failing one", m.Position, bad)
		}
	}
	run.awaitFailure(t)
	run.awaitFailure(t)
	if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("ready while an entity fails: %v, want its error", err)
	}
	run.stop()
	if n := testutil.ToFloat64(c.Metrics.failuresTotal); n < 2 {
		t.Errorf("%v failures are counted, want 2 or more", n)
	}
	if n := testutil.ToFloat64(c.Metrics.handledTotal); n != 7 {
		t.Errorf("%v messages are counted as handled, want 7", n)
	}
	if got := saved(t, store); !slices.Equal(got, []messagestore.Place{places[3]}) {
		t.Errorf("saved %v, want %v, right below the oldest unhandled message", got, places[3])
	}

	again := viewings("test", func(_ context.Context, m messagestore.Message, _ func()) error {
		handled <- m
		return nil
	})
	run = start(t, again, store, lazy)
	var rest []int64
	for range 5 {
		rest = append(rest, running.Receive(t, "a message", handled).GlobalPosition)
	}
	slices.Sort(rest)
	if want := []int64{5, 6, 7, 8, 9}; !slices.Equal(rest, want) {
		t.Errorf("handled %v, want %v", rest, want)
	}
	run.stop()
	if err := again.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// TestConsumer_Release starts the next task of an entity before the first has ended.
// The position waits for the first.
func TestConsumer_Release(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	// More than can run at a time: a released task must give up its turn.
	const n = maxRunning + 5
	last := fill(t, store, n+1, 1)[n]
	finish := make(chan struct{})
	handled := make(chan struct{})
	c := viewings("test", func(_ context.Context, m messagestore.Message, release func()) error {
		if m.Position == n {
			close(handled)
			return nil
		}
		release()
		<-finish
		return nil
	})
	run := start(t, c, store, eager)
	running.Receive(t, "the last task", handled)
	if got := saved(t, store); len(got) > 0 {
		t.Errorf("saved %v before any message is handled", got)
	}
	close(finish)
	run.stop()
	if got := saved(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("saved %v, want %v", got, last)
	}
}

// TestConsumer_Release_Ready retries a message whose task then takes long: the
// consumer is ready again.
func TestConsumer_Release_Ready(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	fill(t, store, 1, 1)
	tries, retried, finish := 0, make(chan struct{}), make(chan struct{})
	c := viewings("test", func(_ context.Context, _ messagestore.Message, release func()) error {
		if tries++; tries == 1 {
			return errors.New("not now")
		}
		release()
		close(retried)
		<-finish
		return nil
	})
	start(t, c, store, eager)
	defer close(finish)
	running.Receive(t, "the second attempt", retried)
	if err := c.Ready(); err != nil && strings.Contains(err.Error(), "not now") {
		t.Errorf("ready: %v", err)
	}
}

// TestConsumer_Rejects logs and skips messages that can never be handled.
func TestConsumer_Rejects(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	last := fill(t, store, 1, 5)[4]
	handled := make(chan messagestore.Message, 10)
	c := viewings("test", func(_ context.Context, m messagestore.Message, _ func()) error {
		if m.Stream == "viewing-3" {
			return fmt.Errorf("write: %w", &messagestore.InvalidError{})
		}
		handled <- m
		return nil
	})
	prepare := c.Prepare
	c.Prepare = func(m messagestore.Message) (Task, error) {
		switch m.Stream {
		case "viewing-0":
			return Task{}, errors.New("no viewing")
		case "viewing-1":
			return Task{}, nil
		}
		return prepare(m)
	}
	run := start(t, c, store, lazy)
	var streams []messagestore.Stream
	for range 2 {
		streams = append(streams, running.Receive(t, "a message", handled).Stream)
	}
	slices.Sort(streams)
	if want := []messagestore.Stream{"viewing-2", "viewing-4"}; !slices.Equal(streams, want) {
		t.Errorf("handled %v, want %v", streams, want)
	}
	run.awaitFailure(t)
	run.awaitFailure(t)
	run.stop()
	if len(run.failed) != 0 {
		t.Errorf("%d errors are logged beyond the expected 2", len(run.failed))
	}
	if got := saved(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("saved %v, want %v", got, last)
	}
}

// TestConsumer_Bounded bounds the unhandled messages, and the window behind one
// unhandled message.
func TestConsumer_Bounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ stuck, most int64 }{
		"Unhandled": {maxUnhandled, maxUnhandled},
		"Window":    {1, maxWindow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				free := make(chan struct{})
				c := viewings("test", func(_ context.Context, m messagestore.Message, release func()) error {
					if m.GlobalPosition <= test.stuck {
						release()
						<-free
					}
					return nil
				})
				w, err := newWorkers(ctx, c, lazy)
				if err != nil {
					t.Fatal(err)
				}
				take := func(n int64) error {
					stream := messagestore.Stream(fmt.Sprintf("viewing-%d", n))
					_, err := w.Handle(ctx, []messagestore.Message{{Stream: stream, GlobalPosition: n, ID: "m"}})
					return err
				}
				for n := int64(1); n <= test.most; n++ {
					if err := take(n); err != nil {
						t.Fatal(err)
					}
					if n%1000 == 0 {
						synctest.Wait()
					}
				}
				more := make(chan error, 1)
				go func() { more <- take(test.most + 1) }()
				synctest.Wait()
				if len(more) > 0 {
					t.Fatalf("one more was accepted: %v", <-more)
				}
				close(free)
				if err := <-more; err != nil {
					t.Error(err)
				}
				w.cancel()
				w.running.Wait()
			})
		})
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	var w window
	var c checkpoint
	add := func(n int64) *accepted { return w.add(&messagestore.Message{GlobalPosition: n}, nil) }
	first, second := add(1), add(2)
	w.skip(messagestore.Place{Position: 5})
	w.skip(messagestore.Place{Position: 8})
	third := add(9)
	for _, step := range []struct {
		do   func()
		want int64
	}{
		{func() {}, 0},
		{func() { second.handled = true }, 0},
		{func() { first.handled = true }, 8},
		{func() { w.skip(messagestore.Place{Position: 20}) }, 8},
		{func() { third.skipped = true }, 20},
	} {
		step.do()
		if w.settle(&c, time.Now()); c.current.Position != step.want {
			t.Errorf("settled to %d, want %d", c.current.Position, step.want)
		}
	}
	if len(w) != 0 || c.handled != 2 {
		t.Errorf("%d remain, %d count as handled, want 0 and 2", len(w), c.handled)
	}
}

// TestWorkers_Done releases the content of a handled message: 10,000 of a megabyte
// each may wait in the window.
func TestWorkers_Done(t *testing.T) {
	w := &workers{failing: map[*accepted]error{}, settled: make(chan struct{}, 1)}
	m := messagestore.Message{ID: "m", Stream: "a-1", GlobalPosition: 7}
	a := w.window.add(&m, func(context.Context, func()) error { return nil })
	w.done(a)
	if !a.handled || a.place != at(7) || a.message != nil || a.run != nil {
		t.Errorf("%+v", a)
	}
}
