package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestSubscribe_Sparse checks that a filter that accepts one of 100,000 messages misses
// none of a million, with regular events.
func TestSubscribe_Sparse(t *testing.T) {
	t.Parallel()
	const messages, every = 1_000_000, 100_000
	store, url := teststore.Open(t)
	exec(t, connect(t, url), `
		insert into message_store.messages (global_position, position, id, stream_name, type, writer, data, metadata)
		select g, (g - 1) / 1000, lpad(to_hex(g), 32, '0')::uuid, case when g % 100000 = 77 then 'rare-' else 'common-' end || g % 1000,
		       case when g % 100000 = 77 then 'Rare' else 'Common' end, 'test', '{"n": 1}',
		       case when g % 100000 = 77 then '{"originStreamName": "rare-1"}' else '{"originStreamName": "common-1"}' end::jsonb
		  from generate_series(1, 1000000) g`)
	for name, subscription := range map[string]messagestore.Subscription{
		"type":       {Source: messagestore.OfAll(), Filter: messagestore.Filter{Types: []string{"Rare"}}},
		"origin":     {Source: messagestore.OfCategories("common", "rare"), Filter: messagestore.Filter{Origin: "rare"}},
		"group":      {Source: messagestore.OfAll(), Filter: messagestore.Filter{Types: []string{"Rare"}, Group: &messagestore.ConsumerGroup{Member: 0, Size: 1}}},
		"categories": {Source: messagestore.OfCategories("none", "rare")},
	} {
		t.Run(name, func(t *testing.T) {
			got, events, silence := followSparse(t, store, subscription, messages)
			t.Logf("%d events, longest silence %v", events, silence)
			var want []int64
			for n := int64(77); n <= messages; n += every {
				want = append(want, n)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %d, want %d", got, want)
			}
		})
	}
}

// TestSubscribe_SparseAndSlow checks regular events with a filter that accepts nothing
// and is so slow that a full page would take seconds.
func TestSubscribe_SparseAndSlow(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	super := connect(t, url)
	exec(t, super, `
		insert into message_store.messages (global_position, position, id, stream_name, type, writer, data, metadata)
		select g, g - 1, gen_random_uuid(), 'a-1', 'Common', 'test', '{}', '{}' from generate_series(1, 23000) g`)
	exec(t, super, `
		create or replace function message_store.share(stream_name text, size int) returns bigint language plpgsql as $$
		declare
			start timestamptz := clock_timestamp();
		begin
			while clock_timestamp() < start + interval '300 microseconds' loop
			end loop;
			return 0;
		end $$`)
	filter := messagestore.Filter{Group: &messagestore.ConsumerGroup{Member: 1, Size: 2}}
	got, events, silence := followSparse(t, store, messagestore.Subscription{Source: messagestore.OfAll(), Filter: filter}, 23_000)
	t.Logf("%d events, longest silence %v", events, silence)
	if len(got) > 0 || events < 3 {
		t.Errorf("%d messages, %d events, want Started, CaughtUp and Progress between them", len(got), events)
	}
}

// followSparse returns the positions of the messages up to CaughtUp at the head, the
// number of events, and the longest time without an event.
func followSparse(t *testing.T, store messagestore.Store, s messagestore.Subscription, head int64) (got []int64, events int, silence time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	last, place := time.Now(), int64(0)
	for event, err := range store.Subscribe(ctx, s) {
		if err != nil {
			t.Fatal(err)
		}
		events++
		silence = max(silence, time.Since(last))
		last = time.Now()
		switch e := event.(type) {
		case messagestore.Messages:
			for _, m := range e {
				got = append(got, m.GlobalPosition)
			}
			place = e[len(e)-1].GlobalPosition
		case messagestore.Progress:
			if e.Place.Position <= place {
				t.Errorf("progress to %d after %d", e.Place.Position, place)
			}
			place = e.Place.Position
		}
		if e, ok := event.(messagestore.CaughtUp); ok {
			if e.Place.Position != head {
				t.Errorf("caught up at %d", e.Place.Position)
			}
			break
		}
	}
	if silence > 2*time.Second {
		t.Errorf("no event for %v, want one every 2 s", silence)
	}
	return got, events, silence
}
