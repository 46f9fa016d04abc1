package aggregators

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

// A shadow is an applier with temporary tables of its connection, including the one
// of the saved position. Statements name tables without schema, and Postgres
// resolves these names to temporary tables first. The tables end with the
// connection, and no other session sees them.
type shadow struct {
	*applier
	store         messagestore.Store
	rebuilt       Rebuilt
	begun, logged time.Time
	// handled is the position of the last message in the rows. live is the last known
	// saved position of the view.
	handled, live int64
}

// The names of a table of the view, and of that of the shadow.
func public(table string) string { return pgx.Identifier{"public", table}.Sanitize() }

func temporary(table string) string { return pgx.Identifier{"pg_temp", table}.Sanitize() }

const positions = "consumer_positions"

// open creates the temporary tables with the initial rows.
func (s *shadow) open(ctx context.Context) (err error) {
	if s.conn, err = s.dial(ctx); err != nil {
		return err
	}
	// The initial rows of the view must exist before its rows are replaced, since an
	// instance that starts inserts them outside of the fence.
	if err := s.readLivePosition(ctx); err != nil {
		return err
	}
	// The connection has no cached plans yet, which might name the tables of the view.
	for _, table := range append([]string{positions}, s.aggregator.Tables...) {
		_, err := s.conn.Exec(ctx, "create temporary table "+temporary(table)+" (like "+public(table)+" including all)")
		if err != nil {
			return err
		}
	}
	_, err = s.Place(ctx)
	return err
}

// readLivePosition reads the saved position of the view, over another connection.
func (s *shadow) readLivePosition(ctx context.Context) error {
	conn, err := s.db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to view data: %w", err)
	}
	defer conn.Release()
	live, err := readPosition(ctx, conn.Conn(), s.aggregator)
	s.live = live.Position
	return err
}

// replaceView replaces the rows of the view by those of the shadow, and reports
// whether it did. Otherwise, the caller tries again at the next event: the view
// includes later messages than the shadow, or another session holds locks.
func (s *shadow) replaceView(ctx context.Context) (done bool, err error) {
	restored := false
	if s.live > s.skipped.Position {
		// If the log was restored, the shadow never gets as far as the view.
		status, err := s.store.Status(ctx)
		restored = err == nil && s.live > status.Head.Position
	}
	err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setLockTimeout); err != nil {
			return err
		}
		// From here on, the fence of the aggregator waits for this transaction.
		err := tx.QueryRow(ctx, "select position from "+public(positions)+" where consumer_id = $1 for update", s.aggregator.ID).Scan(&s.live)
		if err != nil || s.live > s.skipped.Position && !restored {
			return err
		}
		done = true
		return s.replaceTables(ctx, tx, restored)
	})
	if database.SQLState(err) == lockNotAvailable {
		s.log.WarnContext(ctx, "view is locked by another session, retrying", "error", err)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("replace the rows: %w", err)
	}
	return done, nil
}

// replaceTables replaces the rows of all tables. It moves the saved position only if
// the shadow has handled later messages than the view, since the aggregator would
// have to resubscribe.
func (s *shadow) replaceTables(ctx context.Context, tx pgx.Tx, restored bool) error {
	s.rebuilt.Removed, s.rebuilt.Added = 0, 0
	// With statistics of empty tables, such as after truncate, Postgres would compare
	// each row with every row that the statement has inserted.
	if _, err := tx.Exec(ctx, "set local enable_nestloop = off"); err != nil {
		return err
	}
	for _, table := range s.aggregator.Tables {
		if err := s.replaceRows(ctx, tx, table); err != nil {
			return fmt.Errorf("of %s: %w", table, err)
		}
	}
	s.rebuilt.Behind = max(0, s.handled-s.live)
	if s.handled <= s.live && !restored {
		return nil
	}
	_, err := tx.Exec(ctx, "update "+public(positions)+" set position = $2, message_id = nullif($3, '')::uuid where consumer_id = $1",
		s.aggregator.ID, s.saved.Position, s.saved.ID)
	return err
}

// replaceRows deletes and inserts only rows that differ. This takes a fraction of
// the time, and notifies no waiters for equal rows.
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
