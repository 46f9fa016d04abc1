package postgres

import (
	"context"
	"errors"
	"testing"

	"videotutorials/messagestore"
)

func unitOf(ctx context.Context, who messagestore.Principal, n byte, bytes int) *unit {
	return &unit{
		writer: who, bytes: bytes, ctx: ctx, done: make(chan result, 1),
		writes: []messagestore.Write{{Stream: "a-1"}}, messages: []message{{id: uuid{byte(len(who)), who[0], n}}},
	}
}

// Who has much to write does not keep who has little waiting.
func TestQueue_Fair(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).refused)
	put := func(who messagestore.Principal, n, bytes int) {
		t.Helper()
		for i := range n {
			if err := q.add(unitOf(t.Context(), who, byte(i), bytes)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("greedy", 12, maxGroupBytes/4)
	put("small", 100, 100)
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
		t.Errorf("the first group has %v, want all of the small ones and three of the greedy", taken)
	}
	put("late", 1, 100)
	if first := q.take().units[0]; first.writer != "late" {
		t.Errorf("the next group begins with %s, not with who has had nothing", first.writer)
	}
	for q.take() != nil {
	}
	if units, bytes := q.size(); units != 0 || bytes != 0 || len(q.lines) != 0 {
		t.Errorf("%d units, %d bytes, %d lines are left", units, bytes, len(q.lines))
	}
}

// A full queue refuses who has the longest line, and keeps within its bounds.
func TestQueue_Full(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).refused)
	var greedy []*unit
	for {
		u := unitOf(t.Context(), "greedy", 0, 1<<20)
		if err := q.add(u); err != nil {
			break
		}
		greedy = append(greedy, u)
	}
	if len(greedy) != maxQueuedBytes>>20 {
		t.Errorf("%d units of 1 MiB are let in", len(greedy))
	}
	small := unitOf(t.Context(), "small", 0, 100)
	if err := q.add(small); err != nil {
		t.Fatalf("the small one is refused: %v", err)
	}
	var exhausted *messagestore.ExhaustedError
	select {
	case r := <-greedy[len(greedy)-1].done:
		if !errors.As(r.err, &exhausted) || exhausted.RetryAfter <= 0 {
			t.Errorf("the greedy one's last got %v", r.err)
		}
	default:
		t.Error("the greedy one's last was not refused")
	}
	if units, bytes := q.size(); units != len(greedy) || bytes > maxQueuedBytes {
		t.Errorf("%d units, %d bytes wait", units, bytes)
	}
	for range maxQueued {
		if err := q.add(unitOf(t.Context(), "many", 0, 0)); err != nil && !errors.As(err, &exhausted) {
			t.Fatal(err)
		}
	}
	if units, _ := q.size(); units > maxQueued {
		t.Errorf("%d units wait, at most %d may", units, maxQueued)
	}
	if len(q.lines["small"].units) != 1 {
		t.Error("the small one was refused for the sake of the many")
	}
}

// Who has the most of what is full gives way, and nobody else: many small units
// make no room for a large one.
func TestQueue_FullOfBytes(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).refused)
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
	refused := func(units []*unit) (n int) {
		for _, u := range units {
			n += len(u.done)
		}
		return n
	}
	if s, l, o := refused(small), refused(large), refused([]*unit{other}); s != 0 || l != 2 || o != 0 {
		t.Errorf("refused %d of the small ones, %d of the large ones, %d of the other's; expected 0, 2, 0", s, l, o)
	}
	if _, bytes := q.size(); bytes > maxQueuedBytes {
		t.Errorf("%d bytes wait", bytes)
	}
}

// Who comes back after each of its large writes does not keep who waits from its
// turn.
func TestQueue_Returning(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).refused)
	for i := range 100 {
		if err := q.add(unitOf(t.Context(), "small", byte(i), 100)); err != nil {
			t.Fatal(err)
		}
	}
	large := func() {
		u := unitOf(t.Context(), "large", 0, maxGroupBytes)
		if err := q.add(u); err != nil {
			t.Fatal(err)
		}
	}
	large()
	small := 0
	for range 10 {
		g := q.take()
		large() // while the one before is being written
		for _, u := range g.units {
			if u.writer == "small" {
				small++
			}
		}
	}
	if small != 100 {
		t.Errorf("%d of 100 small units had their turn", small)
	}
}

// A unit that must wait for the next group keeps only its own line waiting.
func TestQueue_Repeated(t *testing.T) {
	t.Parallel()
	q := newQueue(newMetrics(nil).refused)
	for range 10 {
		if err := q.add(unitOf(t.Context(), "again", 0, 10)); err != nil { // one id
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if err := q.add(unitOf(t.Context(), "small", byte(i), 100)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(q.take().units); n != 101 {
		t.Errorf("the first group has %d units, want one of the repeated and all others", n)
	}
}
