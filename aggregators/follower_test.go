package aggregators

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/viewdata"
)

func openFollower(t *testing.T) *follower {
	t.Helper()
	db, err := viewdata.Open(t.Context(), testdb.New(t, "view_data", viewdata.Migrate), viewdata.Writer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	f := newFollower(Aggregator{
		ID: "test", Tables: []string{"pages"},
		Init: "insert into pages values ('home') on conflict do nothing",
	}, db, slog.New(slog.DiscardHandler))
	t.Cleanup(f.disconnect)
	return f
}

func at(position int64) messagestore.Place {
	return messagestore.Place{Position: position, ID: uuid.NewString()}
}

func (f *follower) expect(t *testing.T, want messagestore.Place) {
	t.Helper()
	if got, err := f.Place(t.Context()); err != nil || got != want {
		t.Errorf("Place = %v, %v, want %v", got, err, want)
	}
}

func (f *follower) skip(t *testing.T, place messagestore.Place) {
	t.Helper()
	if err := f.Skip(t.Context(), place); err != nil {
		t.Fatal(err)
	}
}

func TestFollower_SkipWritesAfter10000(t *testing.T) {
	t.Parallel()
	f := openFollower(t)
	f.expect(t, messagestore.Place{})
	f.skip(t, at(1))
	f.skip(t, at(consumer.MaxSkipped-1))
	f.expect(t, messagestore.Place{})
	moved := at(consumer.MaxSkipped)
	f.skip(t, moved)
	f.skip(t, at(2*consumer.MaxSkipped-1))
	f.expect(t, moved)
}

func TestFollower_Lost(t *testing.T) {
	t.Parallel()
	f := openFollower(t)
	f.expect(t, messagestore.Place{})
	moved := at(consumer.MaxSkipped)
	f.skip(t, moved)
	if _, err := f.conn.Exec(t.Context(), "insert into pages values ('other')"); err != nil {
		t.Fatal(err)
	}
	rows := func() (n int) {
		t.Helper()
		if err := f.conn.QueryRow(t.Context(), "select count(*) from pages").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	// What was skipped is not in the log: the position may be.
	f.skip(t, at(consumer.MaxSkipped+5))
	if err := f.Diverged(t.Context(), errors.New("lost")); err != nil {
		t.Fatal(err)
	}
	f.expect(t, moved)
	if n := rows(); n != 2 {
		t.Errorf("%d rows, want both left alone", n)
	}

	// The position itself is not.
	if err := f.Diverged(t.Context(), errors.New("lost")); err != nil {
		t.Fatal(err)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows, want the initial one", n)
	}
	f.expect(t, messagestore.Place{})

	// Another runner has rebuilt it and gone on.
	f.place, f.at = moved, moved
	if err := f.Diverged(t.Context(), errors.New("lost")); err == nil {
		t.Error("rebuilt behind another's back")
	}
}

// TestFollower_FenceKnowsTheMessage has another runner that rebuilt the view from
// a restored log and came as far: the position is the same, the message not.
func TestFollower_FenceKnowsTheMessage(t *testing.T) {
	t.Parallel()
	f := openFollower(t)
	f.expect(t, messagestore.Place{})
	moved := at(consumer.MaxSkipped)
	f.skip(t, moved)
	f.place = at(consumer.MaxSkipped)
	if err := f.Skip(t.Context(), at(2*consumer.MaxSkipped)); err == nil {
		t.Error("moved a position that another has set")
	}
	f.expect(t, moved)
}
