package storetest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

func testWrite(t *testing.T, store messagestore.Store) {
	ctx := t.Context()
	if got := write(t, store, "thing-1", events(1)...); got != (messagestore.Written{Position: 0, GlobalPosition: 1}) {
		t.Errorf("the first message is at %+v", got)
	}
	if got := write(t, store, "thing-1", events(3)...); got != (messagestore.Written{Position: 3, GlobalPosition: 4}) {
		t.Errorf("the last of three more is at %+v", got)
	}
	if got := write(t, store, "thing-2-with-dashes", events(1)...); got != (messagestore.Written{Position: 0, GlobalPosition: 5}) {
		t.Errorf("the first message of another stream is at %+v", got)
	}

	for _, test := range []struct {
		stream   messagestore.Stream
		expected messagestore.Version
		actual   messagestore.Version // -2: no conflict
	}{
		{"thing-1", messagestore.Any, -2},
		{"thing-1", 3, 4},
		{"thing-1", 4, -2},
		{"thing-1", messagestore.None, 5},
		{"thing-1", messagestore.Exists, -2},
		{"thing-3", messagestore.Exists, messagestore.None},
		{"thing-3", 0, messagestore.None},
		{"thing-3", messagestore.None, -2},
		{"thing-4", messagestore.Any, -2},
	} {
		_, err := store.Write(ctx, test.stream, test.expected, event("Happened"))
		if test.actual == -2 {
			if err != nil {
				t.Errorf("write %s expecting %v: %v", test.stream, test.expected, err)
			}
			continue
		}
		conflict := want[*messagestore.VersionConflictError](t, err)
		if *conflict != (messagestore.VersionConflictError{Stream: test.stream, Expected: test.expected, Actual: test.actual}) {
			t.Errorf("write %s expecting %v: %+v, want actual %d", test.stream, test.expected, conflict, test.actual)
		}
	}
	status, err := store.Status(ctx)
	if err != nil || status.Head.Position != 10 {
		t.Errorf("the head is %+v, %v: a rejected write took a position", status, err)
	}
}

func testWriteBatch(t *testing.T, store messagestore.Store) {
	ctx := t.Context()
	batch := []messagestore.Write{
		{Stream: "a-1", Expected: messagestore.None, Messages: events(2)},
		{Stream: "b-1", Expected: messagestore.Any, Messages: events(1)},
		{Stream: "a-1", Expected: 1, Messages: events(1)}, // after the first
		{Stream: "c-1", Expected: messagestore.None},      // only a check
	}
	written, err := store.WriteBatch(ctx, batch...)
	first := []messagestore.Written{{Position: 1, GlobalPosition: 2}, {Position: 0, GlobalPosition: 3}, {Position: 2, GlobalPosition: 4}, {Position: -1}}
	if err != nil || !slices.Equal(written, first) {
		t.Fatalf("batch: %+v, %v, want %+v", written, err, first)
	}

	written, err = store.WriteBatch(ctx, batch...)
	for i := range 3 {
		first[i].AlreadyStored = true
	}
	if err != nil || !slices.Equal(written, first) {
		t.Errorf("the same batch again: %+v, %v, want %+v", written, err, first)
	}

	for name, batch := range map[string][]messagestore.Write{
		"the last conflicts": {{Stream: "a-1", Expected: messagestore.Any, Messages: events(2)}, {Stream: "b-1", Expected: 7, Messages: events(1)}},
		"a check conflicts":  {{Stream: "a-1", Expected: messagestore.Any, Messages: events(2)}, {Stream: "b-1", Expected: messagestore.None}},
	} {
		_, err = store.WriteBatch(ctx, batch...)
		if conflict := want[*messagestore.VersionConflictError](t, err); conflict.Stream != "b-1" || conflict.Actual != 0 {
			t.Errorf("%s: %+v", name, conflict)
		}
	}
	_, err = store.WriteBatch(ctx)
	wantViolation(t, err, "writes")

	// The rejected batches have left nothing, not even a gap.
	if got := write(t, store, "a-1", events(1)...); got != (messagestore.Written{Position: 3, GlobalPosition: 5}) {
		t.Errorf("the next message is at %+v", got)
	}
}

func testIdempotence(t *testing.T, store messagestore.Store) {
	ctx := t.Context()
	three := events(3)
	one := event("Happened")
	write(t, store, "thing-1", one)
	place := write(t, store, "thing-1", three...)
	write(t, store, "thing-1", events(1)...)

	upper := slices.Clone(three)
	upper[0].ID = strings.ToUpper(upper[0].ID)
	upper[1].Data = strings.Replace(upper[1].Data, ":", " :\n", 1)
	upper[2].Metadata = `{"other": true}`
	place.AlreadyStored = true
	for name, again := range map[string][]messagestore.NewMessage{
		"the same":                                three,
		"other letters, spaces, metadata":         upper,
		"the same, with another expected version": three,
	} {
		got, err := store.Write(ctx, "thing-1", messagestore.None, again...)
		if err != nil || got != place {
			t.Errorf("%s again: %+v, %v, want %+v", name, got, err, place)
		}
	}

	changed := func(change func(m *messagestore.NewMessage)) []messagestore.NewMessage {
		c := slices.Clone(three)
		change(&c[1])
		return c
	}
	for name, other := range map[string]struct {
		stream   messagestore.Stream
		messages []messagestore.NewMessage
		id       string
	}{
		"other data":        {"thing-1", changed(func(m *messagestore.NewMessage) { m.Data = `{}` }), three[1].ID},
		"other type":        {"thing-1", changed(func(m *messagestore.NewMessage) { m.Type = "Other" }), three[1].ID},
		"other stream":      {"thing-2", three, three[0].ID},
		"fewer, from first": {"thing-1", three[:2], three[0].ID},
		"fewer, to last":    {"thing-1", three[1:], three[1].ID},
		"more":              {"thing-1", append(slices.Clone(three), event("Happened")), three[0].ID},
		"more before":       {"thing-1", append([]messagestore.NewMessage{one}, three...), three[0].ID},
		"other order":       {"thing-1", []messagestore.NewMessage{three[1], three[0], three[2]}, three[1].ID},
		"with a new one":    {"thing-1", []messagestore.NewMessage{event("Happened"), three[0]}, three[0].ID},
	} {
		_, err := store.Write(ctx, other.stream, messagestore.Any, other.messages...)
		conflict := want[*messagestore.IDConflictError](t, err)
		if conflict.ID != other.id || conflict.StoredStream != "thing-1" {
			t.Errorf("%s: %+v, want id %s of thing-1", name, conflict, other.id)
		}
	}
	two, another := events(2), event("Happened")
	write(t, store, "thing-1", two...)
	write(t, store, "thing-1", another)
	_, err := store.Write(ctx, "thing-1", messagestore.Any, another, two[1])
	if conflict := want[*messagestore.IDConflictError](t, err); conflict.ID != another.ID {
		t.Errorf("parts of two writes: %+v, want id %s", conflict, another.ID)
	}
	if all := read(t, store, messagestore.ReadRequest{Source: messagestore.OfAll()}); len(all) != 8 {
		t.Errorf("%d messages are stored, want 8", len(all))
	}
}

func testConcurrency(t *testing.T, store messagestore.Store) {
	const writers, each = 16, 25
	ctx := t.Context()
	all := subscribe(t, store, messagestore.Subscription{Source: messagestore.OfAll()})
	all.started()
	shared := events(each)
	var group sync.WaitGroup
	won := make(chan bool, writers)
	for range writers {
		group.Go(func() {
			for i := range each {
				if _, err := store.Write(ctx, "own-"+messagestore.Stream(contract.NewID()), messagestore.None, event("Happened")); err != nil {
					t.Errorf("write: %v", err)
				}
				// All writers write the shared messages; each is stored once.
				if _, err := store.Write(ctx, "shared-1", messagestore.Any, shared[i]); err != nil {
					t.Errorf("write a shared message: %v", err)
				}
			}
			_, err := store.Write(ctx, "race-1", messagestore.None, event("Won"))
			won <- err == nil
		})
	}
	group.Wait()
	winners := 0
	for range writers {
		if <-won {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d writers found the stream empty, want 1", winners)
	}
	const total = writers*each + each + 1
	messages := all.messages(total)
	versions := map[messagestore.Stream]int64{}
	for i, m := range messages {
		if m.GlobalPosition != int64(i)+1 {
			t.Fatalf("message %d is at global position %d", i, m.GlobalPosition)
		}
		if m.Position != versions[m.Stream] {
			t.Fatalf("%s is at position %d, want %d", m.Stream, m.Position, versions[m.Stream])
		}
		versions[m.Stream]++
	}
	stored := read(t, store, messagestore.ReadRequest{Source: messagestore.OfAll()})
	if !slices.EqualFunc(stored, messages, sameMessage) {
		t.Error("the pushed messages differ from the stored ones")
	}
}

// sameMessage reports whether a message pushed from memory equals the one read from
// disk in every field.
func sameMessage(a, b messagestore.Message) bool {
	same := a.Time.Equal(b.Time) && !a.Time.IsZero() && time.Since(a.Time) < time.Hour
	a.Time = b.Time
	return same && a == b
}
