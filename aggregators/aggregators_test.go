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

// TestRun_Viewings counts viewings from before the start of the Runner, from after
// it, and from after a second start.
func TestRun_Viewings(t *testing.T) {
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
	v.expectNumber(lastProcessed, last)
	v.expectNumber(homePosition, last)
	run.expectReady()
	run.stop()

	v.run(store, nil)
	watch(t, store, 1)
	v.await(videosWatched, 301)
}

func TestRun_EachMessageTwice(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	watch(t, store, 120)
	v.run(twice{store}, nil)
	v.await(homePosition, 120)
	last := watch(t, store, 30)
	v.await(homePosition, last)
	v.await(videosWatched, 150)
}

// TestRun_ViewRestored restores the tables of the view to an earlier state.
func TestRun_ViewRestored(t *testing.T) {
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

// TestRun_LogRestored restores the log to before the saved position of the view, and
// writes other messages up to or past that position.
func TestRun_LogRestored(t *testing.T) {
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
			v.await(homePosition, watch(t, restored, 1))
			last := watch(t, restored, 1)
			v.await(homePosition, last)
			v.expectNumber(videosWatched, last)
			run.expectReady()
		})
	}
}

// TestRun_TwoInstances runs two instances without the lock, so that only the fence
// prevents repeated messages.
func TestRun_TwoInstances(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	watch(t, store, 500)
	v.run(store, aggregators.Unlock)
	v.run(store, aggregators.Unlock)
	last := watch(t, store, 200)
	v.await(homePosition, last)
	// The slower instance may still try to apply messages.
	last = watch(t, store, 1)
	v.await(homePosition, last)
	v.expectNumber(videosWatched, last)
}

func TestRun_Standby(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	first := v.run(store, nil)
	watch(t, store, 1)
	v.await(videosWatched, 1)
	second := v.run(store, nil)
	second.awaitLog("standby: another instance holds the lock")
	second.expectReady()
	watch(t, store, 1)
	v.await(videosWatched, 2)
	first.stop()
	watch(t, store, 1)
	v.await(videosWatched, 3)
	second.expectReady()
}

// TestRun_ConnectionsKilled ends the connections of the aggregator while viewings
// are written.
func TestRun_ConnectionsKilled(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	v.run(store, nil)
	ctx, written := context.WithCancel(t.Context())
	go func() {
		defer written()
		watch(t, store, 400)
	}()
	killConnections(ctx, t, v.url)
	v.await(homePosition, 400)
	v.expectNumber(videosWatched, 400)
}

// inserter returns an aggregator with the ID and a table of that name, whose primary
// key is checked at the commit.
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

// TestRun_Poison has a message in the middle of a batch that cannot be applied. The
// messages before it are applied, those after it are not, Ready returns the message,
// and other aggregators continue.
func TestRun_Poison(t *testing.T) {
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

// expectPoisoned runs an aggregator with the handler and a healthy one. It expects
// that the first stops before the poison, after it has inserted the number of rows.
func (v view) expectPoisoned(store messagestore.Store, poison, rows int64, handle func(*viewingv1.VideoViewed, messagestore.Message) aggregators.Statement) {
	v.t.Helper()
	run := v.run(store, nil, inserter(v, "poisoned", handle), inserter(v, "healthy", read))
	run.awaitLog("consumer stopped, retrying")
	run.awaitLog("consumer stopped, retrying")
	v.expectNumber("select count(*) from poisoned", rows)
	v.expectNumber("select position from consumer_positions where consumer_id = 'poisoned'", poison-1)
	var at *consumer.MessageError
	if err := run.Ready(v.t.Context()); !errors.As(err, &at) || at.Message.GlobalPosition != poison {
		v.t.Errorf("ready: %v, want a *consumer.MessageError of %d", err, poison)
	}
	v.await("select count(*) from healthy", 1)
}

// TestRun_CommitFails has a message whose statement succeeds and whose commit fails.
func TestRun_CommitFails(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func(*viewingv1.VideoViewed, messagestore.Message) aggregators.Statement{
		"Plain": func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			return aggregators.Statement{SQL: "insert into poisoned values (least($1, 5))", Args: []any{m.GlobalPosition}}
		},
		"Merged": func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
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
				t.Error("ready = nil while commits fail")
			}
			v.expectNumber("select position from consumer_positions where consumer_id = 'poisoned'", 0)
		})
	}
}

func TestNew_Invalid(t *testing.T) {
	t.Parallel()
	one := aggregators.Aggregator{ID: "one", Handlers: aggregators.Handlers{aggregators.On(insert)}}
	for name, all := range map[string][]aggregators.Aggregator{
		"NoHandlers":       {{ID: "test"}},
		"TwoHandlers":      {{ID: "test", Handlers: aggregators.Handlers{aggregators.On(insert), aggregators.On(insert)}}},
		"TwoOfAnyMessages": {{ID: "test", Handlers: aggregators.Handlers{aggregators.OnAny(ignore), aggregators.OnAny(ignore)}}},
		"TwoOfOneID":       {one, one},
	} {
		if _, err := aggregators.New(nil, nil, nil, slog.New(slog.DiscardHandler), all...); err == nil {
			t.Errorf("%s: New succeeded", name)
		}
	}
}

func ignore(messagestore.Message) aggregators.Statement { return aggregators.Skip("ignored") }
