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
	defer f.standby.Store(false)
	ticker := time.NewTicker(standbyPause)
	defer ticker.Stop()
	for locked := f.unlocked; !locked; {
		err := conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended($1, 0))", f.aggregator.ID).Scan(&locked)
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if locked {
			break
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
	return nil
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
