package aggregators

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// A shadow is a follower whose tables, and whose place, are temporary ones of its
// connection: by their bare names, which is how statements name tables, Postgres
// finds those first. They end with the connection, and nobody else sees them.
type shadow struct {
	*follower
	store   messagestore.Store
	rebuilt Rebuilt
	// astray: when it began, the place in View Data was beyond the log, so that
	// there is no coming as far.
	astray bool
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
	live, err := s.live(ctx)
	if err != nil {
		return err
	}
	status, err := s.store.Status(ctx)
	if err != nil {
		return err
	}
	s.astray = live.Position > status.Head.Position
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

// live returns the place up to which the view has come that everybody sees, and
// makes the rows that must be there: whoever runs the aggregator makes them before
// its fence, and might do so while they are replaced.
func (s *shadow) live(ctx context.Context) (messagestore.Place, error) {
	conn, err := s.db.Acquire(ctx)
	if err != nil {
		return messagestore.Place{}, fmt.Errorf("connect to view data: %w", err)
	}
	defer conn.Release()
	return begin(ctx, conn.Conn(), s.aggregator)
}

// replace puts the shadow's rows in the place of those that everybody sees, and
// returns true; or false if the aggregator has come further meanwhile.
func (s *shadow) replace(ctx context.Context) (done bool, err error) {
	err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		// From here on the aggregator waits in its fence.
		var live int64
		err := tx.QueryRow(ctx, "select position from "+public(positions)+" where consumer_id = $1 for update", s.aggregator.ID).Scan(&live)
		if err != nil || live > s.at.Position && !s.astray {
			return err
		}
		for _, table := range s.aggregator.Tables {
			if err := s.replaceRows(ctx, tx, table); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "update "+public(positions)+" set position = $2, message_id = nullif($3, '')::uuid where consumer_id = $1",
			s.aggregator.ID, s.place.Position, s.place.ID)
		done = true
		return err
	})
	return done && err == nil, err
}

// replaceRows changes the rows that differ and no others: for as many as there
// are, it takes a fraction of the time, and wakes nobody who waits for a row.
func (s *shadow) replaceRows(ctx context.Context, tx pgx.Tx, table string) error {
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
