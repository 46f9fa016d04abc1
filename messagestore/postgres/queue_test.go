package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

func unitOf(ctx context.Context, writer messagestore.Principal, n byte, bytes int) *unit {
	return &unit{
		writer: writer, bytes: bytes, ctx: ctx, done: make(chan result, 1),
		writes: []messagestore.Write{{Stream: "a-1"}}, messages: []message{{id: uuid.UUID{byte(len(writer)), writer[0], n}}},
	}
}

// addUnits adds n units of different messages to the queue.
func addUnits(t *testing.T, q *queue, writer messagestore.Principal, n, bytes int) {
	t.Helper()
	for i := range n {
		if err := q.add(unitOf(t.Context(), writer, byte(i), bytes)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestQueue_Fair checks that a principal with many large writes does not delay one with
// few small ones.
func TestQueue_Fair(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).rejected)
	addUnits(t, q, "greedy", 12, maxCallBytes/4)
	addUnits(t, q, "small", 100, 100)
	taken := map[messagestore.Principal]int{}
	order := map[messagestore.Principal]byte{}
	for _, u := range q.take().units {
		if n := u.messages[0].id[2]; taken[u.writer] > 0 && n != order[u.writer]+1 {
			t.Errorf("%s: %d after %d", u.writer, n, order[u.writer])
		}
		order[u.writer] = u.messages[0].id[2]
		taken[u.writer]++
	}
	if taken["small"] != 100 || taken["greedy"] != 3 {
		t.Errorf("the first group has %v, want 100 small and 3 greedy units", taken)
	}
	addUnits(t, q, "late", 1, 100)
	if first := q.take().units[0]; first.writer != "late" {
		t.Errorf("the next group begins with %s, want late", first.writer)
	}
	for q.take() != nil {
	}
	if units, bytes := q.size(); units != 0 || bytes != 0 || len(q.lines) != 0 {
		t.Errorf("%d units, %d bytes, %d lines remain", units, bytes, len(q.lines))
	}
}

// TestQueue_Full checks that a full queue rejects units of the longest line and stays
// within its limits.
func TestQueue_Full(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).rejected)
	var greedy []*unit
	for {
		u := unitOf(t.Context(), "greedy", 0, 1<<20)
		if err := q.add(u); err != nil {
			break
		}
		greedy = append(greedy, u)
	}
	if len(greedy) != maxQueuedBytes>>20 {
		t.Errorf("%d units of 1 MiB were accepted", len(greedy))
	}
	small := unitOf(t.Context(), "small", 0, 100)
	if err := q.add(small); err != nil {
		t.Fatalf("the small unit was rejected: %v", err)
	}
	var exhausted *messagestore.ExhaustedError
	select {
	case r := <-greedy[len(greedy)-1].done:
		if !errors.As(r.err, &exhausted) || exhausted.RetryAfter <= 0 {
			t.Errorf("the last greedy unit got %v", r.err)
		}
	default:
		t.Error("the last greedy unit was not rejected")
	}
	if units, bytes := q.size(); units != len(greedy) || bytes > maxQueuedBytes {
		t.Errorf("%d units, %d bytes are queued", units, bytes)
	}
	for range maxQueued {
		if err := q.add(unitOf(t.Context(), "many", 0, 0)); err != nil && !errors.As(err, &exhausted) {
			t.Fatal(err)
		}
	}
	if units, _ := q.size(); units > maxQueued {
		t.Errorf("%d units are queued, want at most %d", units, maxQueued)
	}
	if len(q.lines["small"].units) != 1 {
		t.Error("the small unit was rejected in favor of the many")
	}
}

// TestQueue_FullOfBytes checks that only the line with the most bytes is shortened when
// the limit of bytes is reached: not one with many small units.
func TestQueue_FullOfBytes(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).rejected)
	var small, large []*unit
	for range maxQueued - 500 {
		small = append(small, unitOf(t.Context(), "small", 0, 1))
	}
	for range 61 {
		large = append(large, unitOf(t.Context(), "large", 0, 1<<20))
	}
	q.put(small...)
	q.put(large...)
	other := unitOf(t.Context(), "other", 0, 4<<20)
	q.put(other)
	rejected := func(units []*unit) (n int) {
		for _, u := range units {
			n += len(u.done)
		}
		return n
	}
	if s, l, o := rejected(small), rejected(large), rejected([]*unit{other}); s != 0 || l != 2 || o != 0 {
		t.Errorf("rejected %d small, %d large, %d other units; want 0, 2, 0", s, l, o)
	}
	if _, bytes := q.size(); bytes > maxQueuedBytes {
		t.Errorf("%d bytes are queued", bytes)
	}
}

// TestQueue_Returning checks that a principal that returns after each large write does
// not delay the others.
func TestQueue_Returning(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).rejected)
	addUnits(t, q, "small", 100, 100)
	addUnits(t, q, "large", 1, maxCallBytes)
	small := 0
	for range 10 {
		g := q.take()
		addUnits(t, q, "large", 1, maxCallBytes) // arrives while the group is written
		for _, u := range g.units {
			if u.writer == "small" {
				small++
			}
		}
	}
	if small != 100 {
		t.Errorf("%d of 100 small units were taken", small)
	}
}

// TestQueue_Repeated checks that a unit that must wait for the next group delays only its
// own line.
func TestQueue_Repeated(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).rejected)
	for range 10 {
		if err := q.add(unitOf(t.Context(), "again", 0, 10)); err != nil { // one id
			t.Fatal(err)
		}
	}
	addUnits(t, q, "small", 100, 100)
	if n := len(q.take().units); n != 101 {
		t.Errorf("the first group has %d units, want one repeated and all others", n)
	}
}
