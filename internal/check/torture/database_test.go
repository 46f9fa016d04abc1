package torture

import (
	"context"
	"log/slog"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/pgserver"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
)

const databaseName = "message_store"

// A database is a durable Postgres that can be killed. Its methods must not be
// called concurrently.
type database struct {
	config pgserver.Config
	server *pgserver.Server
}

func startDatabase(t *testing.T) *database {
	t.Helper()
	db := &database{config: pgserver.Config{
		Dir: filepath.Join(testdb.Folder(t), "postgres"), Durable: true, Log: slog.New(slog.DiscardHandler),
	}}
	db.start(t)
	t.Cleanup(func() {
		if db.server == nil {
			return
		}
		if err := db.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	conn := db.connect(t, "postgres")
	defer conn.Close(context.Background()) //nolint:errcheck // no longer needed
	if _, err := conn.Exec(t.Context(), "create database "+databaseName); err != nil {
		t.Fatal(err)
	}
	return db
}

func (db *database) start(t *testing.T) {
	t.Helper()
	var err error
	if db.server, err = pgserver.Start(t.Context(), db.config); err != nil {
		t.Fatal(err)
	}
}

func (db *database) url() string { return db.server.URL(databaseName) }

// connect connects as the superuser.
func (db *database) connect(t *testing.T, name string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.server.URL(name))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// kill kills all processes of Postgres at once and starts it again. Data not yet
// written to the kernel is lost, as in a crash.
func (db *database) kill(t *testing.T) {
	t.Helper()
	pids := column[int](t, db, "select pid from pg_stat_activity where pid <> pg_backend_pid()")
	// The postmaster first: it would restart the others.
	for _, pid := range append([]int{db.server.PID()}, pids...) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // fails if it has just ended
	}
	<-db.server.Done()
	db.start(t)
}

// column returns the only column of a query's rows.
func column[T any](t *testing.T, db *database, sql string, args ...any) []T {
	t.Helper()
	conn := db.connect(t, databaseName)
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// log returns all stored messages, as Postgres prints them.
func (db *database) log(t *testing.T) []messagestore.Message {
	t.Helper()
	conn := db.connect(t, databaseName)
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	rows, err := conn.Query(t.Context(), `
		select id::text, stream_name, type, data::text, metadata::text, position, global_position, time, writer
		  from message_store.messages order by global_position`)
	if err != nil {
		t.Fatal(err)
	}
	log, err := pgx.CollectRows(rows, pgx.RowToStructByPos[messagestore.Message])
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// passing returns the global positions that match a condition in SQL: what a
// subscription must deliver, determined without the servers' code.
func (db *database) passing(t *testing.T, where string) []int64 {
	t.Helper()
	return column[int64](t, db, "select global_position from message_store.messages where "+where+" order by global_position")
}

// trigger makes some writes slow and rolls others back: depending on the message or,
// if a retry has to succeed, at random.
const trigger = `
create function message_store.torture() returns trigger language plpgsql as $$
begin
  if new.type = 'Guilty' then
    raise exception 'guilty' using errcode = new.metadata->>'state';
  elsif new.type = 'Flaky' and random() < 0.5 then
    raise exception 'flaky' using errcode = '40001';
  elsif new.metadata ? 'sleep' then
    perform pg_sleep((new.metadata->>'sleep')::float8);
  end if;
  return new;
end
$$;
create trigger torture before insert on message_store.messages
  for each row execute function message_store.torture()`

func (db *database) sabotage(t *testing.T) {
	t.Helper()
	conn := db.connect(t, databaseName)
	defer conn.Close(context.Background()) //nolint:errcheck // no longer needed
	if _, err := conn.Exec(t.Context(), trigger); err != nil {
		t.Fatal(err)
	}
}

// backends returns the process ids of the servers' sessions.
func (db *database) backends(t *testing.T) []int {
	t.Helper()
	return column[int](t, db, "select pid from pg_stat_activity where application_name = 'messagestore' order by pid")
}

// snapshot opens a transaction whose snapshot is the log as of now.
func (db *database) snapshot(t *testing.T) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn := db.connect(t, databaseName)
	if _, err := conn.Exec(ctx, "begin isolation level repeatable read; select count(*) from message_store.messages"); err != nil {
		t.Fatal(err)
	}
	return conn
}
