package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"videotutorials/internal/teststore"
	"videotutorials/messagestore"
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
	if got := kept(t, store); !slices.Equal(got, []messagestore.Place{last}) {
		t.Errorf("kept %v, want %v", got, last)
	}

	view(t, store, 6, 7)
	c, viewed = viewer("test")
	start(t, c, store, lazy)
	want(t, viewed, 6, 7)
}

func TestConsumer_OtherMessages(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	write(t, store, "viewing-1", "Other", `{}`)
	write(t, store, "other-1", "VideoViewed", `{}`)
	// The type is one of ours and the category another one of ours.
	write(t, store, "viewing-1", "Read", `{}`)
	view(t, store, 1, 1)
	c, viewed := viewer("test")
	c.Handlers = append(c.Handlers, On(func(_ context.Context, _ *subscriberpositionv1.Read, m messagestore.Message) error {
		return fmt.Errorf("handled %v", m)
	}))
	start(t, c, store, lazy)
	want(t, viewed, 1, 1)
}

func TestConsumer_KeepsPositions(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	c, viewed := viewer("test")
	three := lazy
	three.handled = 3
	run := start(t, c, store, three)
	places := view(t, store, 1, 7)
	want(t, viewed, 1, 7)
	run.stop()
	got := kept(t, store)
	if len(got) != 3 || got[0] != places[2] || got[1] != places[5] {
		t.Fatalf("kept %v, want %v, %v and the one of the stop", got, places[2], places[5])
	}
	keptUpTo(t, got, places[6])
}

// TestConsumer_IdleWritesNothing lets consumers that keep their position as
// eagerly as can be see nothing but Progress and each other's positions.
func TestConsumer_IdleWritesNothing(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	view(t, store, 1, 1)
	var stops []func()
	var reads []chan int64
	for i := range 2 {
		read := make(chan int64, 1000)
		reads = append(reads, read)
		stops = append(stops, start(t, &Consumer{ID: fmt.Sprintf("reader-%d", i), Handlers: Handlers{
			On(func(_ context.Context, e *subscriberpositionv1.Read, _ messagestore.Message) error {
				read <- e.GetPosition()
				return nil
			}),
		}}, store, eager).stop)
	}
	c, viewed := viewer("viewer")
	stops = append(stops, start(t, c, store, eager).stop)
	want(t, viewed, 1, 1)
	for _, read := range reads {
		if got := <-read; got != 1 {
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

func TestSink_SkipKeepsNothingBefore10000(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	s := &sink{position: position{store: store, stream: positionStream("test"), ledger: ledger{limits: eager}}}
	s.position.ledger.limits.skipped = MaxSkipped
	if _, err := s.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, position := range []int64{1, 5_000, 9_999, 10_000, 10_001, 19_999, 20_000} {
		if err := s.Skip(t.Context(), messagestore.Place{Position: position, ID: "m"}); err != nil {
			t.Fatal(err)
		}
	}
	s.position.stop(t.Context())
	got := kept(t, store)
	if want := []messagestore.Place{{Position: 10_000, ID: "m"}, {Position: 20_000, ID: "m"}}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

func TestConsumer_TriesAgain(t *testing.T) {
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
			c := &Consumer{ID: "test", Metrics: NewMetrics(registry, store)}
			c.Handlers = Handlers{On(func(ctx context.Context, e *viewingv1.VideoViewed, _ messagestore.Message) error {
				if e.GetVideoId() == "v2" && failures < 3 {
					if failures == 2 {
						notReady = c.Ready(ctx)
					}
					failures++
					return fail()
				}
				handled = append(handled, e.GetVideoId())
				if e.GetVideoId() == "v3" {
					close(done)
				}
				return nil
			})}
			if err := c.Ready(t.Context()); !errors.Is(err, errStarting) {
				t.Errorf("ready before it ran: %v", err)
			}
			view(t, store, 1, 3)
			run := start(t, c, store, lazy)
			<-done
			run.stop()
			if want := []string{"v1", "v2", "v3"}; !slices.Equal(handled, want) {
				t.Errorf("handled %v, want %v", handled, want)
			}
			if notReady == nil || !strings.Contains(notReady.Error(), "not now") {
				t.Errorf("ready while a handler fails: %v, want the reason", notReady)
			}
			if err := c.Ready(t.Context()); err != nil {
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

func TestConsumer_Undecodable(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	view(t, store, 1, 1)
	poison := write(t, store, "viewing-1", "VideoViewed", `{"videoId": 7}`)
	view(t, store, 2, 2)
	c, viewed := viewer("test")
	run := start(t, c, store, lazy)
	<-run.failed
	var at *MessageError
	if err := c.Ready(t.Context()); !errors.As(err, &at) || at.Message.ID != poison.ID {
		t.Errorf("ready: %v, want a *MessageError of %v", err, poison)
	}
	run.stop()
	want(t, viewed, 1, 1)
	if got := kept(t, store); len(got) != 1 || got[0].Position != 1 {
		t.Errorf("kept %v, want position 1", got)
	}
}

func TestConsumer_Wrong(t *testing.T) {
	t.Parallel()
	c, _ := viewer("test")
	for name, wrong := range map[string]*Consumer{
		"NoHandlers":  {ID: "test"},
		"TwoHandlers": {ID: "test", Handlers: Handlers{c.Handlers[0], c.Handlers[0]}},
		"NoID":        {Handlers: c.Handlers},
	} {
		if err := wrong.Run(t.Context(), teststore.New(t), slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: Run = nil, want an error", name)
		}
	}
}

func TestMetrics_LagAndAge(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	registry := prometheus.NewRegistry()
	metrics := NewMetrics(registry, store)
	view(t, store, 1, 5)
	metrics.moved("test", messagestore.Place{Position: 2})
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP consumer_lag_messages Messages of the log behind its place.
		# TYPE consumer_lag_messages gauge
		consumer_lag_messages{consumer="test"} 3
	`), "consumer_lag_messages")
	if err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "consumer_position_age_seconds"); n != 1 || err != nil {
		t.Errorf("%d ages, %v, want 1", n, err)
	}
	heard := metrics.heard["test"]
	metrics.placed("test", messagestore.Place{Position: 2})
	if metrics.heard["test"] != heard {
		t.Error("another try is taken for a sign of life")
	}
	var none *Metrics
	none.moved("test", messagestore.Place{})
	none.placed("test", messagestore.Place{})
	none.handled("test", 1, 0)
	none.failed("test")
}
