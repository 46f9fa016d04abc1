package aggregators

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

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
