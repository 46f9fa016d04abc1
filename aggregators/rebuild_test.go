package aggregators_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"videotutorials/aggregators"
	"videotutorials/aggregators/homepage"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

func (v view) rebuild(store messagestore.Store, a aggregators.Aggregator) (aggregators.Rebuilt, error) {
	log, _ := v.log()
	return v.rebuildLogging(log, store, a)
}

func (v view) rebuildLogging(log *slog.Logger, store messagestore.Store, a aggregators.Aggregator) (aggregators.Rebuilt, error) {
	ctx, cancel := context.WithTimeout(v.t.Context(), time.Minute)
	defer cancel()
	db, err := viewdata.Open(ctx, v.url, viewdata.Writer)
	if err != nil {
		return aggregators.Rebuilt{}, err
	}
	defer db.Close()
	return aggregators.Rebuild(ctx, store, db, a, log)
}

// watched writes n viewings, runs homepage until it has handled them, and returns
// the last global position.
func (v view) watched(store messagestore.Store, n int) (last int64) {
	v.t.Helper()
	run := v.run(store, nil)
	last = watch(v.t, store, n)
	v.await(homePosition, last)
	run.stop()
	return last
}

// A held store delivers the messages after a position when released is closed.
// Before that, it yields CaughtUp at the position, and then closes reached.
type held struct {
	messagestore.Store
	position int64
	reached  chan<- struct{}
	released <-chan struct{}
}

func (s held) Subscribe(ctx context.Context, subscription messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		for event, err := range s.Store.Subscribe(ctx, subscription) {
			messages, _ := event.(messagestore.Messages)
			n := slices.IndexFunc(messages, func(m messagestore.Message) bool { return m.GlobalPosition == s.position })
			if n >= 0 {
				end := messagestore.CaughtUp{Place: subscription.Source.Place(&messages[n])}
				if !yield(messages[:n+1], nil) || !yield(end, nil) {
					return
				}
				close(s.reached)
				select {
				case <-s.released:
				case <-ctx.Done():
					return
				}
				if event = messages[n+1:]; n+1 == len(messages) {
					continue
				}
			}
			if !yield(event, err) {
				return
			}
		}
	}
}

// TestRebuild has a view with a wrong row. At first, the rebuild has handled fewer
// messages than the view, which therefore does not change. The aggregator runs
// meanwhile.
func TestRebuild(t *testing.T) {
	t.Parallel()
	store, v := teststore.New(t), newView(t)
	v.run(store, nil)
	last := watch(t, store, 300)
	v.await(homePosition, last)
	v.exec(`update pages set page_data = jsonb_set(page_data, '{videosWatched}', '7') where page_name = 'home'`)

	reached, released := make(chan struct{}), make(chan struct{})
	var rebuilt aggregators.Rebuilt
	ended := make(chan error, 1)
	go func() {
		var err error
		rebuilt, err = v.rebuild(held{store, 100, reached, released}, homepage.Aggregator())
		ended <- err
	}()
	select {
	case <-reached:
	case err := <-ended:
		t.Fatalf("rebuild did not wait: %+v, %v", rebuilt, err)
	}
	if watched, at := v.number(videosWatched), v.number(homePosition); watched != 7 || at != last {
		t.Errorf("during the rebuild: watched %d, position %d; want 7, %d", watched, at, last)
	}
	close(released)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if want := (aggregators.Rebuilt{Messages: 300, Removed: 1, Added: 1}); rebuilt != want {
		t.Errorf("rebuilt %+v, want %+v", rebuilt, want)
	}
	if watched, at := v.number(videosWatched), v.number(homePosition); watched != 300 || at != last {
		t.Errorf("after the rebuild: watched %d, position %d; want 300, %d", watched, at, last)
	}
	v.await(homePosition, watch(t, store, 1))
	v.expectNumber(videosWatched, 301)
}

// TestRebuild_WhileWritten rebuilds repeatedly while viewings are written. The number
// of viewings never decreases, and is correct in the end.
func TestRebuild_WhileWritten(t *testing.T) {
	t.Parallel()
	store, v := teststore.New(t), newView(t)
	run := v.run(store, nil)
	var group errgroup.Group
	var written atomic.Bool
	var last int64
	group.Go(func() error {
		defer written.Store(true)
		last = watch(t, store, 1000)
		return nil
	})
	group.Go(func() error {
		for !written.Load() {
			if _, err := v.rebuild(store, homepage.Aggregator()); err != nil {
				return err
			}
		}
		return nil
	})
	for seen := int64(-1); !written.Load(); {
		now := v.number(videosWatched)
		if now < seen {
			t.Errorf("watched %d after %d", now, seen)
		}
		seen = now
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	v.await(homePosition, last)
	v.expectNumber(videosWatched, 1000)
	run.stop()
	for len(run.logged) > 0 {
		if <-run.logged == "consumer stopped, retrying" {
			t.Error("the rebuild stopped the aggregator")
		}
	}
}

// TestRebuild_ViewLocked asserts that the rebuild logs that the view is locked, and
// retries until it is not.
func TestRebuild_ViewLocked(t *testing.T) {
	t.Parallel()
	store, v := teststore.New(t), newView(t)
	v.watched(store, 3)
	v.exec("begin; select from consumer_positions for update")
	log, logged := v.log()
	ended := make(chan error, 1)
	go func() {
		_, err := v.rebuildLogging(log, store, homepage.Aggregator())
		ended <- err
	}()
	awaitLine(t, logged, "view is locked by another session, retrying")
	v.exec("commit")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRebuild_Skipped has so many foreign messages after the last one of the view
// that the rebuild saves a position after them. The saved position of the view does
// not move.
func TestRebuild_Skipped(t *testing.T) {
	t.Parallel()
	store, v := teststore.New(t), newView(t)
	last := v.watched(store, 3)
	for range 11 {
		foreign := make([]messagestore.NewMessage, 1000)
		for i := range foreign {
			foreign[i] = messagestore.NewMessage{ID: uuid.NewString(), Type: "Happened", Data: "{}"}
		}
		if _, err := store.Write(t.Context(), "other-1", messagestore.Any, foreign...); err != nil {
			t.Fatal(err)
		}
	}
	rebuilt, err := v.rebuild(store, homepage.Aggregator())
	if want := (aggregators.Rebuilt{Messages: 3}); err != nil || rebuilt != want {
		t.Errorf("rebuilt %+v, %v, want %+v", rebuilt, err, want)
	}
	v.expectNumber(homePosition, last)
}

// A shortened store delivers a number of messages and CaughtUp. After that, its head
// is the last of them, as if the log had been restored.
type shortened struct {
	messagestore.Store
	length   int64
	restored *atomic.Bool
}

func (s shortened) Subscribe(ctx context.Context, subscription messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		var messages messagestore.Messages
		for m, err := range s.Read(ctx, messagestore.ReadRequest{Source: subscription.Source, Limit: s.length}) {
			if err != nil {
				yield(nil, err)
				return
			}
			messages = append(messages, m)
		}
		end := subscription.Source.Place(&messages[len(messages)-1])
		if !yield(messages, nil) || !yield(messagestore.CaughtUp{Place: end}, nil) {
			return
		}
		s.restored.Store(true)
		for yield(messagestore.Progress{Place: end}, nil) {
		}
	}
}

func (s shortened) Status(ctx context.Context) (messagestore.Status, error) {
	status, err := s.Store.Status(ctx)
	if s.restored.Load() {
		status.Head.Position = s.length
	}
	return status, err
}

// TestRebuild_LogRestoredMeanwhile restores the log during the rebuild to before the
// saved position of the view.
func TestRebuild_LogRestoredMeanwhile(t *testing.T) {
	t.Parallel()
	store, v := teststore.New(t), newView(t)
	v.watched(store, 10)
	var restored atomic.Bool
	if _, err := v.rebuild(shortened{store, 5, &restored}, homepage.Aggregator()); err != nil {
		t.Fatal(err)
	}
	if !restored.Load() {
		t.Error("the view was replaced before the log was restored")
	}
	if watched, at := v.number(videosWatched), v.number(homePosition); watched != 5 || at != 5 {
		t.Errorf("watched %d, position %d, want 5", watched, at)
	}
}

// TestRebuild_Fails has a handler that fails in the first rebuild, which does not
// change the view. The second rebuild changes only the rows that differ.
func TestRebuild_Fails(t *testing.T) {
	t.Parallel()
	store, v := teststore.New(t), newView(t)
	last := watch(t, store, 30)
	var failing atomic.Bool
	a := inserter(v, "poisoned", func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
		if failing.Load() && m.GlobalPosition == 20 {
			panic("poison")
		}
		return insert(e, m)
	})
	run := v.run(store, nil, a)
	v.awaitPosition(a.ID, last)
	run.stop()
	before := v.hash(a)

	failing.Store(true)
	var at *consumer.MessageError
	if _, err := v.rebuild(store, a); !errors.As(err, &at) || at.Message.GlobalPosition != 20 {
		t.Errorf("rebuild: %v, want a *consumer.MessageError of 20", err)
	}
	v.awaitPosition(a.ID, last)
	if v.hash(a) != before {
		t.Error("the failed rebuild changed the view")
	}

	failing.Store(false)
	v.exec("delete from poisoned where position = 5")
	v.exec("insert into poisoned values (1000), (1001)")
	rebuilt, err := v.rebuild(store, a)
	if want := (aggregators.Rebuilt{Messages: 30, Removed: 2, Added: 1}); err != nil || rebuilt != want {
		t.Errorf("rebuilt %+v, %v, want %+v", rebuilt, err, want)
	}
	if v.hash(a) != before {
		t.Error("the rebuilt view differs from the original one")
	}
}

// TestRebuild_LogRestored rebuilds a view whose saved position is after the head of
// the log, and one at whose saved position is another message.
func TestRebuild_LogRestored(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"Ahead": 0, "WrittenPast": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, url := teststore.Open(t)
			v := newView(t)
			v.watched(store, 10)

			open(t, url).exec("delete from message_store.messages where global_position > 5")
			restored := teststore.Start(t, url)
			watch(t, restored, more)
			if _, err := v.rebuild(restored, homepage.Aggregator()); err != nil {
				t.Fatal(err)
			}
			if want := int64(5 + more); v.number(videosWatched) != want || v.number(homePosition) != want {
				t.Errorf("watched %d, position %d, want %d", v.number(videosWatched), v.number(homePosition), want)
			}
		})
	}
}
