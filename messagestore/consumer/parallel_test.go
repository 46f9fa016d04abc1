package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// parallel returns a Parallel of viewings, by their videos' streams.
func parallel(t *testing.T, store messagestore.Store, handle func(context.Context, messagestore.Message, func()) error) (p *Parallel, failed <-chan struct{}) {
	t.Helper()
	failures := make(chan struct{}, 100_000)
	return &Parallel{
		ID: "test", Store: store, Handle: handle,
		Subscription: messagestore.Subscription{Source: messagestore.OfCategories("viewing")},
		Entity:       func(m messagestore.Message) (messagestore.Stream, error) { return m.Stream, nil },
		Log:          slog.New(watcher{slog.NewTextHandler(t.Output(), nil), failures}),
	}, failures
}

func startParallel(t *testing.T, p *Parallel, limits limits) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx, limits) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// fill writes n messages to each of the streams, in turn, and returns them.
func fill(t *testing.T, store messagestore.Store, n, streams int) (places []messagestore.Place) {
	t.Helper()
	for range n {
		for s := range streams {
			places = append(places, write(t, store, messagestore.Stream(fmt.Sprintf("viewing-%d", s)), "VideoViewed", "{}"))
		}
	}
	return places
}

// TestParallel_Order handles entities at the same time, each in order.
func TestParallel_Order(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const n, streams = 50, 4
	last := fill(t, store, n, streams)[n*streams-1]
	var together sync.WaitGroup // of the first message of each entity
	together.Add(streams)
	handled := make(chan messagestore.Message, n*streams)
	p, _ := parallel(t, store, func(_ context.Context, m messagestore.Message, _ func()) error {
		if m.Position == 0 {
			together.Done()
			together.Wait()
		}
		handled <- m
		return nil
	})
	stop := startParallel(t, p, lazy)
	next := map[messagestore.Stream]int64{}
	for range n * streams {
		m := <-handled
		if m.Position != next[m.Stream] {
			t.Fatalf("handled %d of %s, want %d", m.Position, m.Stream, next[m.Stream])
		}
		next[m.Stream]++
	}
	stop()
	if got := kept(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("kept %v, want %v", got, last)
	}
}

// TestParallel_Fails has one entity fail: the others go on, the position stays
// below its message, from which the next start goes on.
func TestParallel_Fails(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	places := fill(t, store, 3, 3)
	registry := prometheus.NewRegistry()
	handled := make(chan messagestore.Message, 100)
	bad := messagestore.Stream("viewing-1")
	p, failed := parallel(t, store, func(_ context.Context, m messagestore.Message, _ func()) error {
		if m.Stream == bad && m.Position == 1 {
			return errors.New("not now")
		}
		handled <- m
		return nil
	})
	p.Metrics = NewMetrics(registry, store)
	if err := p.Ready(); !errors.Is(err, errStarting) {
		t.Errorf("ready before it ran: %v", err)
	}
	stop := startParallel(t, p, lazy)
	for range 3 + 3 + 1 {
		if m := <-handled; m.Stream == bad && m.Position != 0 {
			t.Errorf("handled %d of %s behind the one that fails", m.Position, bad)
		}
	}
	<-failed
	<-failed
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("ready while an entity fails: %v, want the reason", err)
	}
	stop()
	if n := testutil.ToFloat64(p.Metrics.failuresTotal); n < 2 {
		t.Errorf("%v failures are counted, want 2 or more", n)
	}
	if n := testutil.ToFloat64(p.Metrics.handledTotal); n != 7 {
		t.Errorf("%v messages are counted as handled, want 7", n)
	}
	if got := kept(t, store); !slices.Equal(got, []messagestore.Place{places[3]}) {
		t.Errorf("kept %v, want %v, right below the oldest that is not handled", got, places[3])
	}

	again, _ := parallel(t, store, func(_ context.Context, m messagestore.Message, _ func()) error {
		handled <- m
		return nil
	})
	stop = startParallel(t, again, lazy)
	var rest []int64
	for range 5 {
		rest = append(rest, (<-handled).GlobalPosition)
	}
	slices.Sort(rest)
	if want := []int64{5, 6, 7, 8, 9}; !slices.Equal(rest, want) {
		t.Errorf("handled %v, want %v", rest, want)
	}
	stop()
	if err := again.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// TestParallel_Release lets the next message for the entity go on before the
// first is handled; the position waits for it.
func TestParallel_Release(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	// More than work at a time, so that one that is released must give its place.
	const n = atOnce + 5
	last := fill(t, store, n+1, 1)[n]
	finish := make(chan struct{})
	handled := make(chan struct{})
	p, _ := parallel(t, store, func(_ context.Context, m messagestore.Message, release func()) error {
		if m.Position == n {
			close(handled)
			return nil
		}
		release()
		<-finish
		return nil
	})
	stop := startParallel(t, p, eager)
	<-handled
	if got := kept(t, store); len(got) > 0 {
		t.Errorf("kept %v before anything is handled", got)
	}
	close(finish)
	stop()
	if got := kept(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("kept %v, want %v", got, last)
	}
}

// TestParallel_Release_Ready has a message fail once, and then take long: it does
// not fail any more.
func TestParallel_Release_Ready(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	fill(t, store, 1, 1)
	tries, goesOn, finish := 0, make(chan struct{}), make(chan struct{})
	p, _ := parallel(t, store, func(_ context.Context, _ messagestore.Message, release func()) error {
		if tries++; tries == 1 {
			return errors.New("not now")
		}
		release()
		close(goesOn)
		<-finish
		return nil
	})
	startParallel(t, p, eager)
	defer close(finish)
	<-goesOn
	if err := p.Ready(); err != nil && strings.Contains(err.Error(), "not now") {
		t.Errorf("ready: %v", err)
	}
}

// TestParallel_Unhandleable skips what nobody can handle, and says so.
func TestParallel_Unhandleable(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	last := fill(t, store, 1, 5)[4]
	handled := make(chan messagestore.Message, 10)
	p, failed := parallel(t, store, func(_ context.Context, m messagestore.Message, _ func()) error {
		if m.Stream == "viewing-3" {
			return fmt.Errorf("write: %w", &messagestore.InvalidError{})
		}
		handled <- m
		return nil
	})
	p.Entity = func(m messagestore.Message) (messagestore.Stream, error) {
		switch m.Stream {
		case "viewing-0":
			return "", errors.New("no viewing")
		case "viewing-1":
			return "", nil
		}
		return m.Stream, nil
	}
	stop := startParallel(t, p, lazy)
	var streams []messagestore.Stream
	for range 2 {
		streams = append(streams, (<-handled).Stream)
	}
	slices.Sort(streams)
	if want := []messagestore.Stream{"viewing-2", "viewing-4"}; !slices.Equal(streams, want) {
		t.Errorf("handled %v, want %v", streams, want)
	}
	<-failed
	<-failed
	stop()
	if len(failed) != 0 {
		t.Errorf("%d errors more are logged than the 2", len(failed))
	}
	if got := kept(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("kept %v, want %v", got, last)
	}
}

// TestParallel_Bounded takes up no more than it may: so many that are not handled,
// and many more that are, behind one that is not.
func TestParallel_Bounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ stuck, most int64 }{
		"open":   {maxOpen, maxOpen},
		"flight": {1, maxFlight},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				free := make(chan struct{})
				p, _ := parallel(t, nil, func(_ context.Context, m messagestore.Message, release func()) error {
					if m.GlobalPosition <= test.stuck {
						release()
						<-free
					}
					return nil
				})
				l := newLanes(ctx, p, position{ledger: ledger{limits: limits{handled: 1_000_000, interval: time.Hour, skipped: 1_000_000}}})
				take := func(n int64) error {
					stream := messagestore.Stream(fmt.Sprintf("viewing-%d", n))
					_, err := l.Handle(ctx, []messagestore.Message{{Stream: stream, GlobalPosition: n, ID: "m"}})
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
					t.Fatalf("one more was taken up: %v", <-more)
				}
				close(free)
				if err := <-more; err != nil {
					t.Error(err)
				}
				l.cancel()
				l.going.Wait()
			})
		})
	}
}

func TestFlight(t *testing.T) {
	t.Parallel()
	var f flight
	var l ledger
	at := func(n int64) messagestore.Message { return messagestore.Message{GlobalPosition: n} }
	first, second := f.take(at(1)), f.take(at(2))
	f.skip(messagestore.Place{Position: 5})
	f.skip(messagestore.Place{Position: 8})
	third := f.take(at(9))
	for _, step := range []struct {
		do   func()
		want int64
	}{
		{func() {}, 0},
		{func() { second.handled = true }, 0},
		{func() { first.handled = true }, 8},
		{func() { f.skip(messagestore.Place{Position: 20}) }, 8},
		{func() { third.skipped = true }, 20},
	} {
		step.do()
		if f.settle(&l, time.Now()); l.at.Position != step.want {
			t.Errorf("settled to %d, want %d", l.at.Position, step.want)
		}
	}
	if len(f) != 0 || l.handled != 2 {
		t.Errorf("%d are left, %d counted as handled, want 0 and 2", len(f), l.handled)
	}
}

// TestLanes_Done: what is handled waits for those before it without what it says,
// which may be a megabyte of each of 10,000.
func TestLanes_Done(t *testing.T) {
	l := &lanes{failing: map[*taken]error{}, room: make(chan struct{}, 1)}
	handled := l.flight.take(messagestore.Message{ID: "m", Stream: "a-1", GlobalPosition: 7, Data: `{"a": 1}`, Metadata: `{"b": 2}`})
	l.done(handled)
	if m := handled.message; !handled.handled || handled.place != at(7) || m.Data != "" || m.Metadata != "" {
		t.Errorf("%+v", handled)
	}
}
