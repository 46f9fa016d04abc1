package aggregators_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/aggregators"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// A history is events and the rows that an aggregator makes of them.
type history struct {
	aggregator aggregators.Aggregator
	// events are written in this order to an empty store, so that their global
	// positions are 1, 2, …; the aggregator has a handler for the last.
	events []event
	// query selects the rows, each as one text.
	query string
	want  []string
}

// An event is a message of a history. Empty metadata is what the original's
// positions have.
type event struct {
	stream               messagestore.Stream
	kind, data, metadata string
}

// TestViews gives each history to its aggregator while it is written, to be
// rebuilt, with each message twice, with two runners at once, one message at a
// time, and all in one batch: the rows are always the same, to the last column.
func TestViews(t *testing.T) {
	t.Parallel()
	views := histories()
	maps.Copy(views, videoHistories())
	maps.Copy(views, operationHistories())
	for name, h := range views {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			v := newView(t)
			run := v.run(store, nil, h.aggregator)
			last := h.write(t, store)
			v.awaitPlace(h.aggregator.ID, last)
			run.stop()
			if got := v.texts(h.query); !slices.Equal(got, h.want) {
				t.Fatalf("rows\n%q, want\n%q", got, h.want)
			}
			want := v.hash(h.aggregator)

			same := func(how string) {
				t.Helper()
				v.awaitPlace(h.aggregator.ID, last)
				if got := v.texts(h.query); v.hash(h.aggregator) != want || !slices.Equal(got, h.want) {
					t.Errorf("%s: rows\n%q, want\n%q, to the last column", how, got, h.want)
				}
			}
			v.empty(h.aggregator)
			if _, err := v.rebuild(store, h.aggregator); err != nil {
				t.Fatal(err)
			}
			same("rebuilt")
			v.reset(h.aggregator)
			run = v.run(twice{store}, nil, h.aggregator)
			same("twice")
			run.stop()
			v.reset(h.aggregator)
			first, second := v.run(store, aggregators.Unlock, h.aggregator), v.run(store, aggregators.Unlock, h.aggregator)
			same("two runners")
			first.stop()
			second.stop()
			messages := all(t, store)
			v.reset(h.aggregator)
			v.handle(h.aggregator, slices.Collect(slices.Chunk(messages, 1))...)
			same("one by one")
			v.reset(h.aggregator)
			v.handle(h.aggregator, messages)
			same("in one batch")
		})
	}
}

// write writes the history and returns the last global position.
func (h *history) write(t *testing.T, store messagestore.Store) (last int64) {
	t.Helper()
	for _, e := range h.events {
		written, err := store.Write(t.Context(), e.stream, messagestore.Any, messagestore.NewMessage{
			ID: uuid.NewString(), Type: e.kind, Data: e.data, Metadata: e.metadata,
		})
		if err != nil {
			t.Fatal(err)
		}
		last = written.GlobalPosition
	}
	return last
}

// all returns the messages of the store.
func all(t *testing.T, store messagestore.Store) (messages []messagestore.Message) {
	t.Helper()
	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return messages
}

func (v view) awaitPlace(id string, position int64) {
	v.t.Helper()
	v.await(fmt.Sprintf("select coalesce((select position from consumer_positions where consumer_id = '%s'), -1)", id), position)
}

func (v view) texts(sql string) []string {
	v.t.Helper()
	rows, _ := v.conn.Query(v.t.Context(), sql)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		v.t.Fatalf("%s: %v", sql, err)
	}
	return texts
}

// hash returns a hash of all that the aggregator has written.
func (v view) hash(a aggregators.Aggregator) (hash string) {
	v.t.Helper()
	for _, table := range a.Tables {
		hash += v.texts(fmt.Sprintf(`select coalesce(md5(string_agg(t::text, E'\n' order by t::text)), '') from %s t`, table))[0]
	}
	return hash
}

// empty removes what the aggregator has written.
func (v view) empty(a aggregators.Aggregator) {
	v.t.Helper()
	for _, table := range a.Tables {
		v.exec("truncate " + table)
	}
}

// reset lets the aggregator, which must not run, begin from nothing.
func (v view) reset(a aggregators.Aggregator) {
	v.t.Helper()
	v.empty(a)
	v.exec("delete from consumer_positions")
}
