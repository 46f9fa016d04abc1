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

func openApplier(t *testing.T) *applier {
	t.Helper()
	db, err := viewdata.Open(t.Context(), testdb.New(t, "view_data", viewdata.Migrate), viewdata.Writer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	a := newApplier(Aggregator{
		ID: "test", Tables: []string{"pages"},
		Init: "insert into pages values ('home') on conflict do nothing",
	}, db, slog.New(slog.DiscardHandler))
	t.Cleanup(a.disconnect)
	a.expectPlace(t, messagestore.Place{})
	return a
}

func at(position int64) messagestore.Place {
	return messagestore.Place{Position: position, ID: uuid.NewString()}
}

func (a *applier) expectPlace(t *testing.T, want messagestore.Place) {
	t.Helper()
	if got, err := a.Place(t.Context()); err != nil || got != want {
		t.Errorf("Place = %v, %v, want %v", got, err, want)
	}
}

func (a *applier) skip(t *testing.T, place messagestore.Place) {
	t.Helper()
	if err := a.Skip(t.Context(), place); err != nil {
		t.Fatal(err)
	}
}

func TestApplier_Skip_SavesAfter10000(t *testing.T) {
	t.Parallel()
	a := openApplier(t)
	a.skip(t, at(1))
	a.skip(t, at(consumer.MaxSkipped-1))
	a.expectPlace(t, messagestore.Place{})
	moved := at(consumer.MaxSkipped)
	a.skip(t, moved)
	a.skip(t, at(2*consumer.MaxSkipped-1))
	a.expectPlace(t, moved)
}

func TestApplier_Diverged(t *testing.T) {
	t.Parallel()
	a := openApplier(t)
	moved := at(consumer.MaxSkipped)
	a.skip(t, moved)
	if _, err := a.conn.Exec(t.Context(), "insert into pages values ('other')"); err != nil {
		t.Fatal(err)
	}
	expectRows := func(want int) {
		t.Helper()
		var rows int
		if err := a.conn.QueryRow(t.Context(), "select count(*) from pages").Scan(&rows); err != nil || rows != want {
			t.Errorf("%d rows, %v, want %d", rows, err, want)
		}
	}

	// A skipped message is not in the log; the saved position may be.
	a.skip(t, at(consumer.MaxSkipped+5))
	if err := a.Diverged(t.Context(), errors.New("diverged")); err != nil {
		t.Fatal(err)
	}
	a.expectPlace(t, moved)
	expectRows(2)

	// The saved position is not in the log.
	if err := a.Diverged(t.Context(), errors.New("diverged")); err != nil {
		t.Fatal(err)
	}
	expectRows(1) // the initial row
	a.expectPlace(t, messagestore.Place{})

	// Another instance has reset the view and continued.
	a.saved, a.skipped = moved, moved
	if err := a.Diverged(t.Context(), errors.New("diverged")); err == nil {
		t.Error("the view of another instance was reset")
	}
}

// TestApplier_FenceChecksMessageID has a second instance that has reset the view
// after a restore and reached the same position, at which is another message.
func TestApplier_FenceChecksMessageID(t *testing.T) {
	t.Parallel()
	a := openApplier(t)
	moved := at(consumer.MaxSkipped)
	a.skip(t, moved)
	a.saved = at(consumer.MaxSkipped)
	if err := a.Skip(t.Context(), at(2*consumer.MaxSkipped)); !errors.Is(err, consumer.ErrMoved) {
		t.Errorf("Skip = %v, want ErrMoved", err)
	}
	a.expectPlace(t, moved)
}
