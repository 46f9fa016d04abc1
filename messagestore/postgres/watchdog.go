package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// watchAfter is the running time of a group after which the watchdog queries
	// the holder of the lock, every watchInterval.
	watchAfter    = 500 * time.Millisecond
	watchInterval = 250 * time.Millisecond
	// watchRetry is the backoff after a failed query, when Postgres is away.
	watchRetry = time.Second
	// terminateAfter is how long one transaction may hold the lock before its
	// backend is terminated. Including watchAfter, writes resume after 5 s.
	terminateAfter = 4 * time.Second
)

// A watchdog terminates the backend of a writer that holds the append lock for too
// long: its server may be stopped while Postgres waits to send the result, which no
// timeout of Postgres ends. It queries only while a group of its own server is
// delayed, so that an idle system has no query of it.
type watchdog struct {
	// session connects as the URL's user and not as the role, since only the user
	// of a backend may terminate it.
	session session
	writing func() time.Duration
	log     *slog.Logger
	ended   prometheus.Counter
}

// A holder is a transaction that holds the lock.
type holder struct {
	PID  uint32
	Xact time.Time
}

const (
	// holdersSQL selects the transactions that hold the lock on append_lock and do
	// not wait for it.
	holdersSQL = `
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

	// terminateSQL names the transaction, since the pid may be reused. A backend that
	// waits for a synchronous standby (SyncRep) must not be terminated: that would
	// make a commit visible that the standby does not have.
	terminateSQL = `
select pg_terminate_backend(pid) from pg_stat_activity
 where pid = $1 and xact_start = $2 and wait_event is distinct from 'SyncRep'`
)

func (w *watchdog) run(ctx context.Context) error {
	defer w.session.close()
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	var since map[holder]time.Time // of each holder, the first check that found it
	var failed time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if w.writing() < watchAfter {
			since = nil
			continue
		}
		if time.Since(failed) < watchRetry {
			continue
		}
		seen, err := w.check(ctx, since)
		switch {
		case err == nil:
			since = seen
		case ctx.Err() == nil:
			failed = time.Now()
			w.log.Warn("query the holder of the append lock", "error", err)
			w.session.close()
		}
	}
}

// check terminates the holders that have held the lock for terminateAfter. since
// has the time of the first check of each holder; check returns it for the present
// holders.
func (w *watchdog) check(ctx context.Context, since map[holder]time.Time) (map[holder]time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := w.session.connect(ctx)
	if err != nil {
		return nil, err
	}
	rows, _ := conn.Query(ctx, holdersSQL) // CollectRows returns the error
	holders, err := pgx.CollectRows(rows, pgx.RowToStructByPos[holder])
	if err != nil {
		return nil, err
	}
	seen := map[holder]time.Time{}
	for _, h := range holders {
		first, ok := since[h]
		if !ok {
			first = time.Now()
		}
		seen[h] = first
		if time.Since(first) < terminateAfter {
			continue
		}
		_, err := conn.Exec(ctx, terminateSQL, h.PID, h.Xact)
		w.log.Error("terminated a backend that held the append lock for too long", "pid", h.PID, "duration", time.Since(h.Xact), "error", err)
		if err != nil {
			return nil, err
		}
		w.ended.Inc()
	}
	return seen, nil
}
