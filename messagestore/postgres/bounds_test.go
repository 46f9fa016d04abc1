package postgres

import (
	"fmt"
	"strings"
	"testing"

	"videotutorials/messagestore"
)

// TestTail_Bounds checks the limits of the tail, including the dropped messages that its
// array holds.
func TestTail_Bounds(t *testing.T) {
	t.Parallel()
	tail := newTail(func() {})
	tail.restart(messagestore.Place{})
	large := strings.Repeat("x", 1<<20)
	for i := range int64(maxTailMessages + 200) {
		m := messagestore.Message{ID: fmt.Sprint(i + 1), GlobalPosition: i + 1}
		if i >= maxTailMessages {
			m.Data = large
		}
		end, _ := tail.head()
		tail.offer(end, []messagestore.Message{m})
		if tail.bytes > maxTailBytes || tail.dropped > maxTailBytes || len(tail.messages) > maxTailMessages {
			t.Fatalf("after %d: %d bytes, %d dropped bytes, %d messages", i, tail.bytes, tail.dropped, len(tail.messages))
		}
		if f := tail.after(end, 10); !f.held || len(f.messages) != 1 {
			t.Fatalf("after %d: %+v", i, f)
		}
	}
}

// TestWrites_Bytes checks that the size of a unit is that in memory, not that printed by
// Postgres, and that the number of writes in a group is limited.
func TestWrites_Bytes(t *testing.T) {
	t.Parallel()
	blank := "{" + strings.Repeat(" ", 1<<20) + "}"
	var v violations
	u := v.writes([]messagestore.Write{{Stream: "a-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{
		{ID: "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", Type: "Happened", Data: blank},
	}}}, func(int) string { return "" })
	if v.err() != nil || u.bytes < len(blank) {
		t.Errorf("%d bytes, %v, want at least %d", u.bytes, v.err(), len(blank))
	}
	checks := &group{}
	for n := 0; checks.add(&unit{writes: make([]messagestore.Write, 100)}); n++ {
		if n > maxCallWrites/100 {
			t.Fatalf("a group of %d writes", checks.writes)
		}
	}
}
