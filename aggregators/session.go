package aggregators

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

const (
	fenceRaised      = "VT001" // the SQLSTATE of the fence
	lockNotAvailable = "55P03" // the SQLSTATE of a lock_timeout

	// setLockTimeout bounds how long a transaction waits for locks on tables. All
	// later transactions wait behind it, so a retry is better than a long wait.
	setLockTimeout = "set local lock_timeout = '2s'"

	// fence is the first statement of each transaction. It moves the saved position,
	// and fails if another instance has moved it or View Data was restored.
	fence = "select move_position($1, $2, nullif($3, '')::uuid, $4, nullif($5, '')::uuid)"
)

func fenceArgs(a Aggregator, from, to messagestore.Place) []any {
	return []any{a.ID, from.Position, from.ID, to.Position, to.ID}
}

// readPosition returns the saved position of the aggregator. It first creates the
// position and the initial rows unless they exist.
func readPosition(ctx context.Context, conn *pgx.Conn, a Aggregator) (place messagestore.Place, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into consumer_positions (consumer_id, position)
			values ($1, 0)
			on conflict do nothing`, a.ID)
		if err != nil {
			return err
		}
		if err := insertInitialRows(ctx, tx, a); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			select position, coalesce(message_id::text, '')
			from consumer_positions
			where consumer_id = $1`, a.ID).Scan(&place.Position, &place.ID)
	})
	if err != nil {
		return place, fmt.Errorf("read position: %w", err)
	}
	return place, nil
}

// reset truncates the tables of the aggregator and moves its saved position to the
// beginning of the log.
func reset(ctx context.Context, conn *pgx.Conn, a Aggregator, from messagestore.Place) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setLockTimeout); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fence, fenceArgs(a, from, messagestore.Place{})...); err != nil {
			return err
		}
		for _, table := range a.Tables {
			if _, err := tx.Exec(ctx, "truncate "+pgx.Identifier{table}.Sanitize()); err != nil {
				return err
			}
		}
		return insertInitialRows(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

func insertInitialRows(ctx context.Context, tx pgx.Tx, a Aggregator) error {
	if a.Init == "" {
		return nil
	}
	_, err := tx.Exec(ctx, a.Init)
	return err
}

const (
	// standbyInterval is the interval between the attempts of a standby to take the
	// lock.
	standbyInterval = time.Second
	// postgresTimeout bounds a transaction, which takes milliseconds. After it, the
	// Postgres behind the connection is assumed to be dead.
	postgresTimeout = 15 * time.Second
	// closeTimeout bounds the end of a connection.
	closeTimeout = time.Second
)

// connect waits until conn is an open connection that holds the aggregator's lock.
// The lock belongs to the session: it ends with the connection, so no transaction
// can follow on a connection that has lost it.
func (a *applier) connect(ctx context.Context) error {
	if a.conn != nil && !a.conn.IsClosed() {
		return nil
	}
	var err error
	if a.conn, err = a.dial(ctx); err != nil {
		return err
	}
	if err := a.lock(ctx); err != nil {
		a.disconnect()
		return err
	}
	return nil
}

// dial takes a connection out of the pool for good.
func (a *applier) dial(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	conn, err := a.db.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to view data: %w", err)
	}
	return conn.Hijack(), nil
}

// lock waits for the lock as a standby.
func (a *applier) lock(ctx context.Context) error {
	if a.unlocked {
		return nil
	}
	defer a.standby.Store(false)
	ticker := time.NewTicker(standbyInterval)
	defer ticker.Stop()
	for {
		if locked, err := a.tryLock(ctx); err != nil || locked {
			return err
		}
		if !a.standby.Swap(true) {
			a.log.InfoContext(ctx, "standby: another instance holds the lock")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryLock takes the lock unless another instance holds it, and reports whether it
// did.
func (a *applier) tryLock(ctx context.Context) (locked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	err = a.conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended($1, 0))", a.aggregator.ID).Scan(&locked)
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	return locked, nil
}

// disconnect closes the connection, which releases the lock.
func (a *applier) disconnect() {
	if a.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = a.conn.Close(ctx)
	}
}
