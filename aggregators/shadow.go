package aggregators

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

// A shadow is a follower whose tables, and whose place, are temporary ones of its
// connection: by their bare names, which is how statements name tables, Postgres
// finds those first. They end with the connection, and nobody else sees them.
type shadow struct {
	*follower
	store       messagestore.Store
	rebuilt     Rebuilt
	begun, said time.Time
	// handled is the position of the last message that made rows. live is up to
	// where the view has come that everybody sees, when it was last looked at.
	handled, live int64
}

// The tables as everybody sees them, and those of the shadow.
func public(table string) string { return pgx.Identifier{"public", table}.Sanitize() }

func temporary(table string) string { return pgx.Identifier{"pg_temp", table}.Sanitize() }

const positions = "consumer_positions"

// open makes the shadow's tables, empty but for what must be there.
func (s *shadow) open(ctx context.Context) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to view data: %w", err)
	}
	s.conn = conn
	if err := s.begin(ctx); err != nil {
		return err
	}
	// On a connection without a plan, which might name the others.
	for _, table := range append([]string{positions}, s.aggregator.Tables...) {
		_, err := conn.Exec(ctx, "create temporary table "+temporary(table)+" (like "+public(table)+" including all)")
		if err != nil {
			return err
		}
	}
	_, err = s.Place(ctx)
	return err
}

// begin makes the rows of the view that must be there: whoever runs the aggregator
// makes them before its fence, and might do so while they are replaced.
func (s *shadow) begin(ctx context.Context) error {
	conn, err := s.db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to view data: %w", err)
	}
	defer conn.Release()
	live, err := begin(ctx, conn.Conn(), s.aggregator)
	s.live = live.Position
	return err
}

// replace puts the shadow's rows in the place of those that everybody sees, and
// returns true; or false if it is to be tried again at the next event, since the
// aggregator has come further meanwhile, or somebody holds its rows.
func (s *shadow) replace(ctx context.Context) (done bool, err error) {
	astray := false
	if s.live > s.at.Position {
		// Perhaps the log was restored: then there is no coming as far.
		status, err := s.store.Status(ctx)
		astray = err == nil && s.live > status.Head.Position
	}
	err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, impatient); err != nil {
			return err
		}
		// From here on the aggregator waits in its fence.
		err := tx.QueryRow(ctx, "select position from "+public(positions)+" where consumer_id = $1 for update", s.aggregator.ID).Scan(&s.live)
		if err != nil || s.live > s.at.Position && !astray {
			return err
		}
		done = true
		return s.exchange(ctx, tx, astray)
	})
	if database.SQLState(err) == lockNotAvailable {
		s.log.WarnContext(ctx, "somebody holds the rows of the view, trying again", "error", err)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("exchange the rows: %w", err)
	}
	return done, nil
}

// exchange does it, and moves the view's place if the rows have come further, by
// more than skipping: it is not moved under the aggregator for nothing.
func (s *shadow) exchange(ctx context.Context, tx pgx.Tx, astray bool) error {
	s.rebuilt.Removed, s.rebuilt.Added = 0, 0
	// Of tables that look empty, as after a truncate, Postgres would compare each row
	// with each one that the statement itself has added.
	if _, err := tx.Exec(ctx, "set local enable_nestloop = off"); err != nil {
		return err
	}
	for _, table := range s.aggregator.Tables {
		if err := s.exchangeRows(ctx, tx, table); err != nil {
			return fmt.Errorf("of %s: %w", table, err)
		}
	}
	s.rebuilt.Behind = max(0, s.handled-s.live)
	if s.handled <= s.live && !astray {
		return nil
	}
	_, err := tx.Exec(ctx, "update "+public(positions)+" set position = $2, message_id = nullif($3, '')::uuid where consumer_id = $1",
		s.aggregator.ID, s.place.Position, s.place.ID)
	return err
}

// exchangeRows changes the rows that differ and no others: for as many as there
// are, it takes a fraction of the time, and wakes nobody who waits for a row.
func (s *shadow) exchangeRows(ctx context.Context, tx pgx.Tx, table string) error {
	removed, err := tx.Exec(ctx, "delete from "+public(table)+" old where not exists (select from "+temporary(table)+" new where new = old)")
	if err != nil {
		return err
	}
	added, err := tx.Exec(ctx, "insert into "+public(table)+
		" select new.* from "+temporary(table)+" new where not exists (select from "+public(table)+" old where old = new)")
	if err != nil {
		return err
	}
	s.rebuilt.Removed += removed.RowsAffected()
	s.rebuilt.Added += added.RowsAffected()
	return nil
}
