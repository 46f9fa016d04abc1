package aggregators_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// A history is a sequence of events, and the rows that an aggregator makes of them.
type history struct {
	aggregator aggregators.Aggregator
	// events are written in this order to an empty store, so their global positions
	// are 1, 2, …. The aggregator has a handler for the last one.
	events []event
	// query returns each row as a text.
	query string
	want  []string
}

// An event is a message of a history. Saved positions of the original system have
// empty metadata.
type event struct {
	stream               messagestore.Stream
	kind, data, metadata string
}

// TestViews applies each history live, in a rebuild, with each message twice, with two
// instances, in batches of one message, and in one batch. All columns of all rows
// are always the same.
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
			v.awaitPosition(h.aggregator.ID, last)
			run.stop()
			if got := v.texts(h.query); !slices.Equal(got, h.want) {
				t.Fatalf("rows\n%q, want\n%q", got, h.want)
			}
			want := v.hash(h.aggregator)

			same := func(mode string) {
				t.Helper()
				v.awaitPosition(h.aggregator.ID, last)
				if got := v.texts(h.query); v.hash(h.aggregator) != want || !slices.Equal(got, h.want) {
					t.Errorf("%s: rows\n%q, want\n%q, equal in all columns", mode, got, h.want)
				}
			}
			v.empty(h.aggregator)
			if _, err := v.rebuild(store, h.aggregator); err != nil {
				t.Fatal(err)
			}
			same("rebuilt")
			v.reset(h.aggregator)
			run = v.run(twice{store}, nil, h.aggregator)
			same("each message twice")
			run.stop()
			v.reset(h.aggregator)
			first, second := v.run(store, aggregators.Unlock, h.aggregator), v.run(store, aggregators.Unlock, h.aggregator)
			same("two instances")
			first.stop()
			second.stop()
			messages := all(t, store)
			v.reset(h.aggregator)
			v.handle(h.aggregator, slices.Collect(slices.Chunk(messages, 1))...)
			same("batches of one")
			v.reset(h.aggregator)
			v.handle(h.aggregator, messages)
			same("one batch")
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

// all returns all messages of the store.
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

// hash returns the hash of all rows of the aggregator.
func (v view) hash(a aggregators.Aggregator) (hash string) {
	v.t.Helper()
	for _, table := range a.Tables {
		hash += v.texts(fmt.Sprintf(`select coalesce(md5(string_agg(t::text, E'\n' order by t::text)), '') from %s t`, table))[0]
	}
	return hash
}

// empty deletes all rows of the aggregator.
func (v view) empty(a aggregators.Aggregator) {
	v.t.Helper()
	for _, table := range a.Tables {
		v.exec("truncate " + table)
	}
}

// reset makes the aggregator, which must not run, start from the beginning.
func (v view) reset(a aggregators.Aggregator) {
	v.t.Helper()
	v.empty(a)
	v.exec("delete from consumer_positions")
}
