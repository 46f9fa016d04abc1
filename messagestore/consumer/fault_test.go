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

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestConsumer_LogRestored restores an older log and writes to it beyond the
// consumer's place: the consumer resumes at the position saved in that log.
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
	awaitSaved(t, store) // message 4
	view(t, store, 4, 5)
	want(t, viewed, 4, 5)

	exec(t, url, "delete from message_store.messages where global_position > 4")
	var restored messagestore.Store = teststore.Start(t, url)
	places := view(t, restored, 6, 9)
	faulty.next.Store(&restored)
	faulty.cut <- struct{}{}
	want(t, viewed, 6, 9)
	run.stop()
	savedUpTo(t, saved(t, restored), places[len(places)-1])
}

// TestConsumer_SavedPlaceDiverged damages the saved position: the consumer reports it,
// handles nothing, and resumes when the position is repaired.
func TestConsumer_SavedPlaceDiverged(t *testing.T) {
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
			run.awaitFailure(t)
			run.awaitFailure(t)
			if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "subscriberPosition-test") {
				t.Errorf("ready with a damaged position: %v, want the position stream", err)
			}
			repaired := fmt.Sprintf(`{"position": 2, "messageId": %q}`, places[1].ID)
			write(t, store, positionStream("test"), "Read", repaired)
			want(t, viewed, 3, 3)
		})
	}
}

// TestConsumer_PositionOfOriginalSystem resumes at a position without a message id.
func TestConsumer_PositionOfOriginalSystem(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	view(t, store, 1, 4)
	write(t, store, positionStream("test"), "Read", `{"position": 2}`)
	c, viewed := viewer("test")
	start(t, c, store, lazy)
	want(t, viewed, 3, 4)
}

// TestConsumer_TwoInstances runs two instances of a consumer: both handle all
// messages, and the saved positions never decrease.
func TestConsumer_TwoInstances(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	var runs []process
	var views []<-chan string
	for range 2 {
		faulty := &faulty{Store: store, subscribed: make(chan struct{}, 1)}
		c, viewed := viewer("test")
		runs, views = append(runs, start(t, c, faulty, eager)), append(views, viewed)
		running.Receive(t, "a subscription", faulty.subscribed)
	}
	last := view(t, store, 1, 50)[49]
	for i, viewed := range views {
		want(t, viewed, 1, 50)
		runs[i].stop()
	}
	got := saved(t, store)
	byPosition := func(a, b messagestore.Place) int { return int(a.Position - b.Position) }
	if !slices.IsSortedFunc(got, byPosition) {
		t.Errorf("saved %v, want them in order", got)
	}
	savedUpTo(t, got, last)
}

// TestConsumer_AnotherInstance finds a position saved by another instance: the
// consumer saves its own only if it is larger.
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
			awaitSaved(t, store)
			write(t, store, positionStream("test"), "Read", fmt.Sprintf(`{"position": %d}`, other))
			last := step(t, store, viewed, 2, 5)
			run.stop()
			got := saved(t, store)
			savedUpTo(t, got, last)
			if ahead := (messagestore.Place{Position: other}); other > last.Position && got[len(got)-1] != ahead {
				t.Errorf("saved %v, want %v to stay the last", got, ahead)
			}
		})
	}
}

// TestConsumer_PositionCannotBeSaved makes writes fail or hang: handling continues,
// and the position is saved later.
func TestConsumer_PositionCannotBeSaved(t *testing.T) {
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
			if got := saved(t, store); len(got) != 0 {
				t.Errorf("saved %v, want none", got)
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
		savedUpTo(t, saved(t, store), last)
	})
}

// TestConsumer_StopFinishesTheMessage stops while a task runs.
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
	running.Receive(t, "a running task", begun)
	run.stop()
	if got := saved(t, store); !slices.Equal(got, []messagestore.Place{first}) {
		t.Errorf("saved %v, want %v: the message whose task was running, and no other", got, first)
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
			t.Errorf("work ended %v after the stop, want %v", got, grace)
		}
		work, done = Finishing(t.Context())
		done()
		<-work.Done()
	})
}
