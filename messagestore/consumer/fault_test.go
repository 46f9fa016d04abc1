package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestConsumer_LogRestored restores the log to before the consumer's place and
// writes it on past it: the consumer goes on from the position the log has.
func TestConsumer_LogRestored(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	faulty := &faulty{Store: store, cut: make(chan struct{})}
	c, viewed := viewer("test")
	three := lazy
	three.handled = 3
	run := start(t, c, faulty, three)
	view(t, store, 1, 3)
	want(t, viewed, 1, 3)
	awaitKept(t, store) // is message 4
	view(t, store, 4, 5)
	want(t, viewed, 4, 5)

	exec(t, url, "delete from message_store.messages where global_position > 4")
	var restored messagestore.Store = teststore.Start(t, url)
	places := view(t, restored, 6, 9)
	faulty.next.Store(&restored)
	faulty.cut <- struct{}{}
	want(t, viewed, 6, 9)
	run.stop()
	keptUpTo(t, kept(t, restored), places[len(places)-1])
}

// TestConsumer_KeptPlaceDiverged damages the position itself: the consumer says
// so, handles nothing, and goes on as soon as it is mended.
func TestConsumer_KeptPlaceDiverged(t *testing.T) {
	t.Parallel()
	for name, damaged := range map[string]string{
		"OtherMessage": `{"position": 2, "messageId": "01926f4e-0000-7000-8000-000000000000"}`,
		"Ahead":        `{"position": 1000}`,
		"NoPosition":   `{"position": "somewhere"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			places := view(t, store, 1, 3)
			write(t, store, positionStream("test"), "Read", damaged)
			c, viewed := viewer("test")
			run := start(t, c, store, lazy)
			<-run.failed
			<-run.failed
			if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "subscriberPosition-test") {
				t.Errorf("ready with a damaged position: %v, want that it is damaged", err)
			}
			mended := fmt.Sprintf(`{"position": 2, "messageId": %q}`, places[1].ID)
			write(t, store, positionStream("test"), "Read", mended)
			want(t, viewed, 3, 3)
		})
	}
}

// TestConsumer_PositionOfTheOriginal resumes by the position alone.
func TestConsumer_PositionOfTheOriginal(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	view(t, store, 1, 4)
	write(t, store, positionStream("test"), "Read", `{"position": 2}`)
	c, viewed := viewer("test")
	start(t, c, store, lazy)
	want(t, viewed, 3, 4)
}

// TestConsumer_TwoInstances lets two instances of a consumer keep its position:
// both handle all, and no position goes back.
func TestConsumer_TwoInstances(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	var runs []running
	var views []<-chan string
	for range 2 {
		faulty := &faulty{Store: store, subscribed: make(chan struct{}, 1)}
		c, viewed := viewer("test")
		runs, views = append(runs, start(t, c, faulty, eager)), append(views, viewed)
		<-faulty.subscribed
	}
	last := view(t, store, 1, 50)[49]
	for i, viewed := range views {
		want(t, viewed, 1, 50)
		runs[i].stop()
	}
	got := kept(t, store)
	byPosition := func(a, b messagestore.Place) int { return int(a.Position - b.Position) }
	if !slices.IsSortedFunc(got, byPosition) {
		t.Errorf("kept %v, want them in order", got)
	}
	keptUpTo(t, got, last)
}

// TestConsumer_AnotherInstance finds that another one has kept a position: behind
// it the consumer keeps its own, before it none.
func TestConsumer_AnotherInstance(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]int64{"Behind": 1, "Ahead": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			c, viewed := viewer("test")
			run := start(t, c, store, eager)
			view(t, store, 1, 1)
			want(t, viewed, 1, 1)
			awaitKept(t, store)
			write(t, store, positionStream("test"), "Read", fmt.Sprintf(`{"position": %d}`, other))
			last := step(t, store, viewed, 2, 5)
			run.stop()
			got := kept(t, store)
			keptUpTo(t, got, last)
			if ahead := (messagestore.Place{Position: other}); other > last.Position && got[len(got)-1] != ahead {
				t.Errorf("kept %v, want %v to stay the last", got, ahead)
			}
		})
	}
}

// TestConsumer_PositionCannotBeKept lets each write fail, or hang: the handlers
// go on, and later the position is kept.
func TestConsumer_PositionCannotBeKept(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(context.Context) error{
		"Fails": func(context.Context) error { return &messagestore.ExhaustedError{Reason: "queue full"} },
		"Hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			faulty := &faulty{Store: store, write: fault}
			c, viewed := viewer("test")
			impatient := eager
			impatient.timeout = time.Millisecond
			run := start(t, c, faulty, impatient)
			view(t, store, 1, 20)
			want(t, viewed, 1, 20)
			run.stop()
			if got := kept(t, store); len(got) != 0 {
				t.Errorf("kept %v, want nothing", got)
			}
		})
	}
	t.Run("FailsOnce", func(t *testing.T) {
		t.Parallel()
		store := teststore.New(t)
		failed := false
		faulty := &faulty{Store: store, write: func(context.Context) error {
			if !failed {
				failed = true
				return errors.New("unknown outcome")
			}
			return nil
		}}
		c, viewed := viewer("test")
		run := start(t, c, faulty, eager)
		last := step(t, store, viewed, 1, 5)
		run.stop()
		keptUpTo(t, kept(t, store), last)
	})
}

// TestConsumer_StopFinishesTheMessage stops in the middle of a handler.
func TestConsumer_StopFinishesTheMessage(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	begun := make(chan struct{}, 2)
	c := viewings("test", func(ctx context.Context, _ messagestore.Message, _ func()) error {
		work, done := Finishing(ctx)
		defer done()
		begun <- struct{}{}
		<-ctx.Done()
		return work.Err()
	})
	first := view(t, store, 1, 2)[0]
	run := start(t, c, store, lazy)
	<-begun
	run.stop()
	if got := kept(t, store); !slices.Equal(got, []messagestore.Place{first}) {
		t.Errorf("kept %v, want %v: the message that was under way, and no other", got, first)
	}
}

func TestFinishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		work, done := Finishing(ctx)
		defer done()
		stop()
		begun := time.Now()
		<-work.Done()
		if got := time.Since(begun); got != grace {
			t.Errorf("work was broken off %v after the stop, want %v", got, grace)
		}
		work, done = Finishing(t.Context())
		done()
		<-work.Done()
	})
}
