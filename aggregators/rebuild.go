package aggregators

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// progressInterval is the interval between the log messages of a rebuild.
const progressInterval = 5 * time.Second

// Rebuilt is the result of Rebuild.
type Rebuilt struct {
	// Messages is the number of messages handled.
	Messages int
	// Removed and Added are the numbers of rows deleted from and inserted into the
	// view. A changed row counts in both.
	Removed, Added int64
	// Behind is how far the view was behind the last message of the new rows, in
	// global positions. If it is 0, all removed rows were wrong; otherwise, some may
	// have been outdated.
	Behind int64
}

// Rebuild builds the aggregator's rows again from the beginning of the log, in
// temporary tables. When they include all messages of the view, one transaction
// replaces the rows of the view that differ, and moves the saved position of the
// aggregator to that of the new rows. Readers see the old view or the new one.
//
// The aggregator may run meanwhile. It waits while the rows are compared and
// replaced: for the million rows of adminmessages 15 s if they are equal, and 40 s
// if all differ. After 15 s it logs a failure, and retries.
//
// The connections of the pool MUST have the role view_writer. Rebuild logs and
// retries while the message store is unavailable, and while another session holds
// locks on the view. After an error the view is unchanged, unless the error is that
// of the commit.
func Rebuild(ctx context.Context, store messagestore.Store, db *pgxpool.Pool, a Aggregator, log *slog.Logger) (Rebuilt, error) {
	begun := time.Now()
	s := &shadow{applier: newApplier(a, db, log.With("consumer", a.ID)), store: store, begun: begun, logged: begun}
	defer s.disconnect()
	subscription, err := a.Handlers.subscription()
	if err == nil {
		err = s.open(ctx)
	}
	if err == nil {
		err = s.build(ctx, subscription)
	}
	if err != nil {
		return Rebuilt{}, fmt.Errorf("rebuild %s: %w", a.ID, err)
	}
	return s.rebuilt, nil
}

// build handles the log from its beginning until the rows have replaced those of
// the view.
func (s *shadow) build(ctx context.Context, subscription messagestore.Subscription) error {
	caughtUp := false
	broken := func(err error) { s.log.WarnContext(ctx, "subscription broke, retrying", "error", err) }
	for event, err := range consumer.Follow(ctx, s.store, subscription, broken) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case messagestore.Messages:
			err = s.handle(ctx, e)
		case messagestore.CaughtUp:
			caughtUp = true
			err = s.Skip(ctx, e.Place)
		case messagestore.Progress:
			err = s.Skip(ctx, e.Place)
		}
		if err != nil {
			return err
		}
		if caughtUp {
			if done, err := s.replaceView(ctx); done || err != nil {
				return err
			}
		}
		s.logProgress(ctx)
	}
	return ctx.Err()
}

func (s *shadow) handle(ctx context.Context, messages messagestore.Messages) error {
	for batch := range slices.Chunk([]messagestore.Message(messages), batchSize) {
		n, err := s.Handle(ctx, batch)
		s.rebuilt.Messages += n
		if n > 0 {
			s.handled = batch[n-1].GlobalPosition
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *shadow) logProgress(ctx context.Context) {
	if time.Since(s.logged) < progressInterval {
		return
	}
	s.logged = time.Now()
	s.log.InfoContext(ctx, "rebuilding", "position", s.skipped.Position, "viewPosition", s.live, "messages", s.rebuilt.Messages,
		"perSecond", int(float64(s.rebuilt.Messages)/time.Since(s.begun).Seconds()))
}

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
