package aggregators

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// connect returns when conn is a connection that has the aggregator's lock. The
// lock is the session's, so it ends with the connection, and on the connection
// that does the work it cannot outlive that.
func (f *follower) connect(ctx context.Context) error {
	if f.conn != nil && !f.conn.IsClosed() {
		return nil
	}
	conn, err := f.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to view data: %w", err)
	}
	if err := f.lock(ctx, conn); err != nil {
		closeConn(conn)
		return err
	}
	f.conn = conn
	return nil
}

// dial takes a connection out of the pool, for good.
func (f *follower) dial(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := f.db.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return conn.Hijack(), nil
}

// lock waits for the lock, as a standby.
func (f *follower) lock(ctx context.Context, conn *pgx.Conn) error {
	if f.unlocked {
		return nil
	}
	defer f.standby.Store(false)
	ticker := time.NewTicker(standbyPause)
	defer ticker.Stop()
	for {
		if locked, err := f.tryLock(ctx, conn); err != nil || locked {
			return err
		}
		if !f.standby.Swap(true) {
			f.log.InfoContext(ctx, "standing by, since another runner works")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryLock takes the lock, or reports that another has it. A Postgres that does
// not answer for as long as patience is an error.
func (f *follower) tryLock(ctx context.Context, conn *pgx.Conn) (locked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended($1, 0))", f.aggregator.ID).Scan(&locked)
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	return locked, nil
}

// disconnect gives the lock back.
func (f *follower) disconnect() {
	if f.conn != nil {
		closeConn(f.conn)
	}
}

// closeTimeout bounds a farewell that Postgres need not hear.
const closeTimeout = time.Second

func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}
