package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// stuckAfter is how long a group is on its way before the watchdog looks who
	// holds the lock, and lookEvery how often it looks then.
	stuckAfter = 500 * time.Millisecond
	lookEvery  = 250 * time.Millisecond
	// lookAgain is the pause after a look that failed: Postgres is away.
	lookAgain = time.Second
	// endAfter is how long one transaction is seen to hold the lock before its
	// backend is ended. Together: others go on writing after 5 s.
	endAfter = 4 * time.Second
)

// A watchdog ends the backend of a writer that holds the lock for long: its
// server may be stopped while Postgres waits for it to take the answer, and no
// timeout of Postgres ends that. It looks only while a group of its own server is
// stuck, so an idle system has no query of it.
type watchdog struct {
	// config connects as the URL's user, not as the role: a backend may be ended
	// by the user that it was connected by.
	config *pgx.ConnConfig
	stuck  func() time.Duration
	log    *slog.Logger
	ended  prometheus.Counter
	conn   *pgx.Conn
}

// A holder is a transaction that holds the lock.
type holder struct {
	PID  uint32
	Xact time.Time
}

// holdersSQL finds who holds the lock on append_lock and does not itself wait for
// it. Who waits for a synchronous standby is left alone: ending it would make a
// commit visible that the standby has not.
const holdersSQL = `
select a.pid, a.xact_start
  from pg_locks l
  join pg_stat_activity a using (pid)
 where l.relation = 'message_store.append_lock'::regclass
   and l.database = (select oid from pg_database where datname = current_database())
   and l.granted
   and l.mode = 'RowShareLock' -- of "for update"; a dump or a report only reads
   and a.xact_start is not null
   and a.wait_event_type is distinct from 'Lock'
   and a.wait_event is distinct from 'SyncRep'
   and a.pid <> pg_backend_pid()`

func (w *watchdog) run(ctx context.Context) error {
	defer func() { closeConn(w.conn) }()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	seen := map[holder]time.Time{}
	var failed time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if w.stuck() < stuckAfter {
			clear(seen)
			continue
		}
		if time.Since(failed) < lookAgain {
			continue
		}
		if err := w.look(ctx, seen); err != nil && ctx.Err() == nil {
			failed = time.Now()
			w.log.Warn("look who holds the lock", "err", err)
			closeConn(w.conn)
			w.conn = nil
		}
	}
}

// look ends the holders that were seen for long enough. seen says since when.
func (w *watchdog) look(ctx context.Context, seen map[holder]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if w.conn == nil {
		conn, err := pgx.ConnectConfig(ctx, w.config)
		if err != nil {
			return err
		}
		w.conn = conn
	}
	rows, err := w.conn.Query(ctx, holdersSQL)
	if err != nil {
		return err
	}
	holders, err := pgx.CollectRows(rows, pgx.RowToStructByPos[holder])
	if err != nil {
		return err
	}
	now := time.Now()
	current := map[holder]bool{}
	for _, h := range holders {
		current[h] = true
		first, ok := seen[h]
		if !ok {
			seen[h] = now
			continue
		}
		if now.Sub(first) < endAfter {
			continue
		}
		// The same transaction still, or the pid is somebody else's by now.
		_, err := w.conn.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and xact_start = $2 and wait_event is distinct from 'SyncRep'", h.PID, h.Xact)
		w.log.Error("ended a backend that held the lock for too long", "pid", h.PID, "since", h.Xact, "err", err)
		if err != nil {
			return err
		}
		w.ended.Inc()
	}
	for h := range seen {
		if !current[h] {
			delete(seen, h)
		}
	}
	return nil
}
