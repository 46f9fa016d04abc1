package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

func TestConsumer_HandlesInOrderAndResumes(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	view(t, store, 1, 3)

	c, viewed := viewer("test")
	run := start(t, c, store, lazy)
	want(t, viewed, 1, 3)
	last := view(t, store, 4, 5)[1]
	want(t, viewed, 4, 5)
	run.stop()
	if got := saved(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("saved %v, want %v", got, last)
	}

	view(t, store, 6, 7)
	c, viewed = viewer("test")
	start(t, c, store, lazy)
	want(t, viewed, 6, 7)
}

// TestConsumer_SavesPositions saves a position after every three messages and at the
// stop.
func TestConsumer_SavesPositions(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	c, viewed := viewer("test")
	three := lazy
	three.handled = 3
	run := start(t, c, store, three)
	last := step(t, store, viewed, 1, 7)
	run.stop()
	got := saved(t, store)
	if len(got) < 2 || len(got) > 3 {
		t.Errorf("saved %v of 7, want two, and perhaps one at the stop", got)
	}
	savedUpTo(t, got, last)
}

// TestConsumer_IdleWritesNothing runs consumers that save their position as often as
// possible and receive only Progress and each other's positions.
func TestConsumer_IdleWritesNothing(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	view(t, store, 1, 1)
	var stops []func()
	var reads []chan int64
	for i := range 2 {
		read := make(chan int64, 1000)
		reads = append(reads, read)
		reader := viewings(fmt.Sprintf("reader-%d", i), func(_ context.Context, m messagestore.Message, _ func()) error {
			e, err := contract.Decode[*subscriberpositionv1.Read](m)
			read <- e.GetPosition()
			return err
		})
		reader.Subscription.Source = messagestore.OfCategories(positions)
		stops = append(stops, start(t, reader, store, eager).stop)
	}
	c, viewed := viewer("viewer")
	stops = append(stops, start(t, c, store, eager).stop)
	want(t, viewed, 1, 1)
	for _, read := range reads {
		if got := running.Receive(t, "a position", read); got != 1 {
			t.Errorf("read position %d, want 1", got)
		}
	}
	for _, stop := range stops {
		stop()
	}
	status, err := store.Status(t.Context())
	if err != nil || status.Head.Position != 2 {
		t.Errorf("head is %v, %v, want 2: the viewing and one position", status.Head, err)
	}
}

func TestWorkers_SkipSavesNothingBefore10000(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	c := viewings("test", nil)
	c.Store = store
	limits := eager
	limits.skipped = MaxSkipped
	s, err := newWorkers(t.Context(), c, limits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, position := range []int64{1, 5_000, 9_999, 10_000, 10_001, 19_999, 20_000} {
		if err := s.Skip(t.Context(), messagestore.Place{Position: position, ID: "m"}); err != nil {
			t.Fatal(err)
		}
	}
	s.stop(t.Context())
	got := saved(t, store)
	if want := []messagestore.Place{{Position: 10_000, ID: "m"}, {Position: 20_000, ID: "m"}}; !slices.Equal(got, want) {
		t.Errorf("saved %v, want %v", got, want)
	}
}

func TestConsumer_Retries(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"Error": func() error { return errors.New("not now") },
		"Panic": func() error { panic("not now") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			registry := prometheus.NewRegistry()
			var handled []string
			var notReady error
			done := make(chan struct{})
			failures := 0
			var c *Consumer
			c = viewings("test", func(_ context.Context, m messagestore.Message, _ func()) error {
				e, err := contract.Decode[*viewingv1.VideoViewed](m)
				if e.GetVideoId() == "v2" && failures < 3 {
					if failures == 2 {
						notReady = c.Ready()
					}
					failures++
					return fail()
				}
				handled = append(handled, e.GetVideoId())
				if e.GetVideoId() == "v3" {
					close(done)
				}
				return err
			})
			c.Metrics = NewMetrics(registry, store)
			if err := c.Ready(); !errors.Is(err, errStarting) {
				t.Errorf("ready before it ran: %v", err)
			}
			view(t, store, 1, 3)
			run := start(t, c, store, lazy)
			running.Receive(t, "handling of v3", done)
			run.stop()
			if want := []string{"v1", "v2", "v3"}; !slices.Equal(handled, want) {
				t.Errorf("handled %v, want %v", handled, want)
			}
			if notReady == nil || !strings.Contains(notReady.Error(), "not now") {
				t.Errorf("ready while a handler fails: %v, want its error", notReady)
			}
			if err := c.Ready(); err != nil {
				t.Errorf("ready after the handler recovered: %v", err)
			}
			if n := testutil.ToFloat64(c.Metrics.failuresTotal); n != 3 {
				t.Errorf("%v failures are counted, want 3", n)
			}
			if n := testutil.ToFloat64(c.Metrics.handledTotal); n != 3 {
				t.Errorf("%v messages are counted as handled, want 3", n)
			}
		})
	}
}

func TestConsumer_Misconfigured(t *testing.T) {
	t.Parallel()
	c, _ := viewer("")
	if err := c.Run(t.Context()); err == nil {
		t.Error("without an ID: Run = nil, want an error")
	}
}
