package aggregators_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	"videotutorials/aggregators"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// TestViewings is flow 1: n viewings, some before the start and some after it,
// count n; delivered again they still do.
func TestViewings(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	watch(t, store, 250)
	write(t, store, "viewing-1", "Other", `{}`)
	write(t, store, "other-1", "VideoViewed", `{}`)
	run := v.run(store, nil)
	v.await(videosWatched, 250)
	last := watch(t, store, 50)
	v.await(videosWatched, 300)
	if got := v.number(lastProcessed); got != last {
		t.Errorf("last processed %d, want %d", got, last)
	}
	if got := v.number(place); got != last {
		t.Errorf("position %d, want %d", got, last)
	}
	if err := run.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	run.stop()

	v.run(store, nil)
	watch(t, store, 1)
	v.await(videosWatched, 301)
}

func TestEachMessageTwice(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	watch(t, store, 120)
	v.run(twice{store}, nil)
	v.await(place, 120)
	last := watch(t, store, 30)
	v.await(place, last)
	v.await(videosWatched, 150)
}

func TestViewRestored(t *testing.T) {
	t.Parallel()
	for name, stopped := range map[string]bool{"Stopped": true, "Running": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			v := newView(t)
			run := v.run(store, nil)
			watch(t, store, 5)
			v.await(videosWatched, 5)
			v.exec("create table old_pages as table pages")
			v.exec("create table old_positions as table consumer_positions")
			watch(t, store, 5)
			v.await(videosWatched, 10)
			if stopped {
				run.stop()
			}
			v.exec(`begin;
				truncate pages; insert into pages table old_pages;
				delete from consumer_positions; insert into consumer_positions table old_positions;
				commit`)
			watch(t, store, 5)
			if stopped {
				v.run(store, nil)
			}
			v.await(videosWatched, 15)
		})
	}
}

// TestLogRestored restores the log to before the view, and in one case writes it
// on past the view's position: the view ends equal to the log.
func TestLogRestored(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"Ahead": 0, "SameLength": 5, "WrittenPast": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, url := teststore.Open(t)
			v := newView(t)
			run := v.run(store, nil)
			watch(t, store, 10)
			v.await(videosWatched, 10)
			run.stop()

			open(t, url).exec("delete from message_store.messages where global_position > 5")
			restored := teststore.Start(t, url)
			watch(t, restored, more)
			run = v.run(restored, nil)
			v.await(place, watch(t, restored, 1))
			last := watch(t, restored, 1)
			v.await(place, last)
			if got := v.number(videosWatched); got != last {
				t.Errorf("watched %d, want %d", got, last)
			}
			if err := run.Ready(t.Context()); err != nil {
				t.Errorf("ready: %v", err)
			}
		})
	}
}

// TestTwoRunners lets two work at once, as if the lock did not hold: the fence
// alone makes each message count once.
func TestTwoRunners(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	watch(t, store, 500)
	v.run(store, aggregators.Unlock)
	v.run(store, aggregators.Unlock)
	last := watch(t, store, 200)
	v.await(place, last)
	// Both have been at it; what the slower one still tries is fenced.
	last = watch(t, store, 1)
	v.await(place, last)
	if got := v.number(videosWatched); got != last {
		t.Errorf("watched %d, want %d", got, last)
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	first := v.run(store, nil)
	watch(t, store, 1)
	v.await(videosWatched, 1)
	second := v.run(store, nil)
	second.awaitLog("standing by, since another runner works")
	if err := second.Ready(t.Context()); err != nil {
		t.Errorf("a standby is not ready: %v", err)
	}
	watch(t, store, 1)
	v.await(videosWatched, 2)
	first.stop()
	watch(t, store, 1)
	v.await(videosWatched, 3)
	if err := second.Ready(t.Context()); err != nil {
		t.Errorf("ready after it took over: %v", err)
	}
}

// TestCrashes ends the aggregator's connection again and again, whenever a
// position has moved or was read, while viewings are written.
func TestCrashes(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	v.run(store, nil)
	killer := open(t, v.url)
	killer.exec("listen moved")
	ctx, written := context.WithCancel(t.Context())
	go func() {
		defer written()
		watch(t, store, 400)
	}()
	for ctx.Err() == nil {
		killer.number(`select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and application_name <> 'test'`)
		if _, err := killer.conn.WaitForNotification(ctx); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
	v.await(place, 400)
	if got := v.number(videosWatched); got != 400 {
		t.Errorf("watched %d, want 400", got)
	}
}

// inserter is an aggregator of a table of the test's own, named as it is, that
// checks its primary key at the commit.
func inserter[M proto.Message](v view, id string, statement func(M, messagestore.Message) aggregators.Statement) aggregators.Aggregator {
	v.exec(fmt.Sprintf("create table %s (position bigint primary key deferrable initially deferred)", id))
	v.exec(fmt.Sprintf("grant all on %s to view_writer", id))
	return aggregators.Aggregator{ID: id, Tables: []string{id}, Handlers: aggregators.Handlers{aggregators.On(statement)}}
}

func insert(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
	return aggregators.Statement{SQL: "insert into poisoned values ($1)", Args: []any{m.GlobalPosition}}
}

func read(_ *subscriberpositionv1.Read, m messagestore.Message) aggregators.Statement {
	return aggregators.Statement{SQL: "insert into healthy values ($1)", Args: []any{m.GlobalPosition}}
}

// TestPoison has in the middle of a batch a message that cannot be applied: what
// is before it is, what is behind it is not, the aggregator says which it is, and
// the others go on.
func TestPoison(t *testing.T) {
	t.Parallel()
	const poison = 31
	for name, handle := range map[string]func(*viewingv1.VideoViewed, messagestore.Message) aggregators.Statement{
		"SQL": func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			if m.GlobalPosition == poison {
				return aggregators.Statement{SQL: "select 1 / ($1::bigint - $1::bigint)", Args: []any{m.GlobalPosition}}
			}
			return insert(e, m)
		},
		"Panic": func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			if m.GlobalPosition == poison {
				panic("poison")
			}
			return insert(e, m)
		},
		"Undecodable": insert,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			v := newView(t)
			watch(t, store, poison-1)
			data := `{"videoId": "1"}`
			if name == "Undecodable" {
				data = `{"videoId": 1}`
			}
			write(t, store, "viewing-1", "VideoViewed", data)
			watch(t, store, 40)
			write(t, store, "subscriberPosition-1", "Read", `{"position": 1}`)
			v.expectPoisoned(store, poison, poison-1, handle)
		})
	}
}

// expectPoisoned runs who has the handler, and another, and expects that what is
// before the poison is applied, which makes so many rows, and that the first is
// stopped there.
func (v view) expectPoisoned(store messagestore.Store, poison, rows int64, handle func(*viewingv1.VideoViewed, messagestore.Message) aggregators.Statement) {
	v.t.Helper()
	run := v.run(store, nil, inserter(v, "poisoned", handle), inserter(v, "healthy", read))
	run.awaitLog("consumer stopped, retrying")
	run.awaitLog("consumer stopped, retrying")
	if got := v.number("select count(*) from poisoned"); got != rows {
		v.t.Errorf("%d messages are applied, want the %d before the poison", got, rows)
	}
	if got := v.number("select position from consumer_positions where consumer_id = 'poisoned'"); got != poison-1 {
		v.t.Errorf("position %d, want %d", got, poison-1)
	}
	var at *consumer.MessageError
	if err := run.Ready(v.t.Context()); !errors.As(err, &at) || at.Message.GlobalPosition != poison {
		v.t.Errorf("ready: %v, want a *consumer.MessageError of %d", err, poison)
	}
	v.await("select count(*) from healthy", 1)
}

// TestCommitFails has a message that the commit refuses, after every statement
// has succeeded.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func(*viewingv1.VideoViewed, messagestore.Message) aggregators.Statement{
		"Plain": func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			return aggregators.Statement{SQL: "insert into poisoned values (least($1, 5))", Args: []any{m.GlobalPosition}}
		},
		"Run": func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			return aggregators.ForMessages("insert into poisoned select least(n, 5) from unnest($1::bigint[]) as n", m.GlobalPosition)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			v := newView(t)
			watch(t, store, 10)
			run := v.run(store, nil, inserter(v, "poisoned", handle))
			run.awaitLog("consumer stopped, retrying")
			run.awaitLog("consumer stopped, retrying")
			if err := run.Ready(t.Context()); err == nil {
				t.Error("ready while commits fail")
			}
			if got := v.number("select position from consumer_positions where consumer_id = 'poisoned'"); got != 0 {
				t.Errorf("position %d, want 0", got)
			}
		})
	}
}

func TestNew_Wrong(t *testing.T) {
	if _, err := aggregators.New(nil, nil, nil, slog.New(slog.DiscardHandler), aggregators.Aggregator{ID: "test"}); err == nil {
		t.Error("New without handlers succeeded")
	}
}
