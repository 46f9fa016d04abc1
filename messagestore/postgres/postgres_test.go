package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
	"videotutorials/messagestore/storetest"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) messagestore.Store { return teststore.New(t) })
}

// connect returns a connection as superuser.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func newMessage(kind string) messagestore.NewMessage {
	var b [16]byte
	_, _ = rand.Read(b[:])
	id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return messagestore.NewMessage{ID: id, Type: kind, Data: "{}"}
}

func write(t *testing.T, store messagestore.Store, stream messagestore.Stream, messages ...messagestore.NewMessage) messagestore.Written {
	t.Helper()
	written, err := store.Write(t.Context(), stream, messagestore.Any, messages...)
	if err != nil {
		t.Fatalf("write %s: %v", stream, err)
	}
	return written
}

// follow returns the messages of the log after the place, one per call.
func follow(t *testing.T, store messagestore.Store, after *messagestore.Place) (next func() (messagestore.Message, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	pull, stop := iter.Pull2(store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfAll(), After: after}))
	t.Cleanup(func() { cancel(); stop() })
	var waiting []messagestore.Message
	return func() (messagestore.Message, error) {
		for len(waiting) == 0 {
			event, err, _ := pull()
			if err != nil {
				return messagestore.Message{}, err
			}
			if batch, ok := event.(messagestore.Messages); ok {
				waiting = batch
			}
		}
		m := waiting[0]
		waiting = waiting[1:]
		return m, nil
	}
}

// TestStore_RejectedUnit checks that a group is stored without the units that Postgres
// rejects.
func TestStore_RejectedUnit(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	rejectType(t, url, "22023")
	release := holdLock(t, url)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			kind := "Happened"
			if i%7 == 3 {
				kind = "Rejected"
			}
			_, err := store.Write(t.Context(), messagestore.Category("a").Stream(fmt.Sprint(i)), messagestore.Any, newMessage(kind))
			var invalid *messagestore.InvalidError
			if rejected := errors.As(err, &invalid); rejected != (kind == "Rejected") || err != nil && !rejected {
				t.Errorf("write %s: %v", kind, err)
			}
		})
	}
	release()
	group.Wait()
	if status, err := store.Status(t.Context()); err != nil || status.Head.Position != 17 {
		t.Errorf("status %+v, %v, want 17 messages without a gap", status, err)
	}
}

// TestStore_Begin checks that writes started together are one group with separate results.
func TestStore_Begin(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	store := teststore.StartWith(t, testdb.New(t, "message_store", postgres.Migrate), postgres.Options{Registry: registry})
	var writes []messagestore.Write
	for i := range 20 {
		w := messagestore.Write{Stream: messagestore.Category("a").Stream(fmt.Sprint(i)), Expected: messagestore.Any, Messages: []messagestore.NewMessage{newMessage("Happened")}}
		switch i {
		case 3:
			w.Messages = nil
		case 5:
			w.Messages[0].ID = "none"
		case 7:
			w.Expected = 7
		}
		writes = append(writes, w)
	}
	next := int64(0)
	for i, wait := range store.Begin(t.Context(), writes) {
		written, err := wait()
		var invalid *messagestore.InvalidError
		var conflict *messagestore.VersionConflictError
		switch i {
		case 3, 5:
			if !errors.As(err, &invalid) {
				t.Errorf("write %d: %v", i, err)
			}
		case 7:
			if !errors.As(err, &conflict) {
				t.Errorf("write %d: %v", i, err)
			}
		default:
			if next++; err != nil || written.GlobalPosition != next {
				t.Errorf("write %d: %+v %v, want it at %d", i, written, err, next)
			}
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if h := f.GetMetric()[0].GetHistogram(); f.GetName() == "messagestore_group_calls" && (h.GetSampleCount() != 1 || h.GetSampleSum() != 18) {
			t.Errorf("%v calls in %d groups, want 18 in one", h.GetSampleSum(), h.GetSampleCount())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Begin(ctx, writes[:1])[0](); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

// rejectType makes Postgres reject messages of type Rejected with the SQLSTATE.
func rejectType(t *testing.T, url, state string) {
	t.Helper()
	super := connect(t, url)
	exec(t, super, `create function refuse() returns trigger language plpgsql as $$
		begin
			if new.type = 'Rejected' then raise exception 'rejected' using errcode = '`+state+`'; end if;
			return new;
		end $$`)
	exec(t, super, "create trigger reject before insert on message_store.messages for each row execute function refuse()")
}

// holdLock holds the append lock until release is called.
func holdLock(t *testing.T, url string) (release func()) {
	t.Helper()
	conn := connect(t, url)
	exec(t, conn, "begin")
	exec(t, conn, "select from message_store.append_lock for update")
	return func() { exec(t, conn, "rollback") }
}

// TestStore_UnknownOutcome checks that if the writer's backend is terminated before or
// after the commit, each message is stored once and each write succeeds.
func TestStore_UnknownOutcome(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	super := connect(t, url)
	const kills = 10
	var killed, written atomic.Int64
	var group sync.WaitGroup
	group.Go(func() {
		pace := time.NewTicker(20 * time.Millisecond) // leaves time for writes
		defer pace.Stop()
		for killed.Load() < kills && t.Context().Err() == nil {
			<-pace.C
			var n int64
			err := super.QueryRow(t.Context(), `select count(pg_terminate_backend(pid)) from pg_stat_activity
				where application_name = 'messagestore' and datname = current_database() and query like '%append%'`).Scan(&n)
			if err != nil {
				t.Error(err)
				killed.Store(kills)
			}
			killed.Add(n)
		}
	})
	for i := range 8 {
		group.Go(func() {
			stream := messagestore.Category("a").Stream(fmt.Sprint(i))
			for n := 0; killed.Load() < kills; n++ {
				place, err := store.Write(t.Context(), stream, messagestore.Version(n-1), newMessage("Happened"))
				if err != nil || place.Position != int64(n) {
					t.Errorf("write %d: %+v, %v", n, place, err)
				}
				written.Add(1)
			}
		})
	}
	group.Wait()
	status, err := store.Status(t.Context())
	if err != nil || status.Head.Position != written.Load() {
		t.Errorf("status %+v, %v, want %d messages", status, err, written.Load())
	}
	next := follow(t, store, nil)
	for i := range written.Load() {
		if m, err := next(); err != nil || m.GlobalPosition != i+1 {
			t.Fatalf("message %d: %+v, %v", i, m, err)
		}
	}
}

// TestStore_TwoServers checks that two servers on one database act as one store and push
// each other's messages.
func TestStore_TwoServers(t *testing.T) {
	t.Parallel()
	one, url := teststore.Open(t)
	stores := []messagestore.Store{one, teststore.Start(t, url)}
	const each = 100
	nexts := []func() (messagestore.Message, error){follow(t, stores[0], nil), follow(t, stores[1], nil)}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range each {
				write(t, stores[i%2], messagestore.Category("a").Stream(fmt.Sprint(i/2)), newMessage("Happened"))
			}
		})
	}
	group.Wait()
	for s, next := range nexts {
		versions := map[messagestore.Stream]int64{}
		for i := range 8 * each {
			m, err := next()
			if err != nil || m.GlobalPosition != int64(i+1) || m.Position != versions[m.Stream] {
				t.Fatalf("server %d, message %d: %+v, %v", s, i, m, err)
			}
			versions[m.Stream]++
		}
	}
	// A message written on one server reaches a subscriber of the other.
	written := write(t, stores[0], "b-1", newMessage("Happened"))
	start := time.Now()
	if m, err := nexts[1](); err != nil || m.GlobalPosition != written.GlobalPosition {
		t.Fatalf("%+v, %v", m, err)
	}
	t.Logf("pushed to the other server's subscriber in %v", time.Since(start))
	// A place delivered by one server is known to the other.
	written = write(t, stores[0], "b-1", newMessage("Happened"))
	m, err := stores[1].Last(t.Context(), "b-1", "")
	if err != nil || m.GlobalPosition != written.GlobalPosition {
		t.Fatalf("read by the other server: %+v, %v", m, err)
	}
	next := follow(t, stores[1], &messagestore.Place{Position: m.GlobalPosition, ID: m.ID})
	written = write(t, stores[0], "b-1", newMessage("Happened"))
	if m, err := next(); err != nil || m.GlobalPosition != written.GlobalPosition {
		t.Errorf("after the place came %+v, %v", m, err)
	}
}

// TestStore_Restored checks that current and resumed subscriptions fail after the log was
// restored to an earlier state, also when new messages were written past their place.
func TestStore_Restored(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	super := connect(t, url)
	write(t, store, "a-1", newMessage("Kept"), newMessage("Lost"), newMessage("Lost"))
	next := follow(t, store, nil)
	var last messagestore.Message
	for range 3 {
		last, _ = next()
	}
	place := messagestore.Place{Position: last.GlobalPosition, ID: last.ID}

	exec(t, super, "delete from message_store.messages where global_position > 1")
	_, err := follow(t, store, &place)()
	var ahead *messagestore.AheadError
	if !errors.As(err, &ahead) {
		t.Errorf("resumed beyond the restored log: %v", err)
	}
	write(t, store, "a-1", newMessage("Other"), newMessage("Other"), newMessage("Other"), newMessage("Other"))
	var diverged *messagestore.DivergedError
	if _, err = next(); !errors.As(err, &diverged) && !errors.As(err, &ahead) {
		t.Errorf("a subscription continued after a restore: %v", err)
	}
	if _, err = follow(t, store, &place)(); !errors.As(err, &diverged) || diverged.Place != place {
		t.Errorf("resumed in a diverged log: %v", err)
	}
	again := follow(t, store, nil)
	for i, kind := range []string{"Kept", "Other", "Other", "Other", "Other"} {
		if m, err := again(); err != nil || m.Type != kind {
			t.Errorf("message %d: %+v, %v, want %s", i, m, err, kind)
		}
	}
}

// TestStore_Watchdog checks that a backend that holds the lock, like that of a stopped
// server, is terminated.
func TestStore_Watchdog(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	write(t, store, "a-1", newMessage("Happened"))
	reader := connect(t, url) // reads the table like a dump, and is not terminated
	exec(t, reader, "begin")
	exec(t, reader, "select * from message_store.append_lock")
	holdLock(t, url)
	start := time.Now()
	write(t, store, "a-1", newMessage("Happened"))
	if took := time.Since(start); took > 6*time.Second || took < 3*time.Second {
		t.Errorf("the holder of the lock was terminated after %v", took)
	}
	exec(t, reader, "commit")
}

// TestStore_Privileges checks that the server's role may only select and insert, and that
// append rejects other isolation levels and commits synchronously.
func TestStore_Privileges(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	write(t, store, "a-1", newMessage("Happened"))
	super := connect(t, url)
	exec(t, super, "set role messagestore_server")
	for _, sql := range []string{
		"update message_store.messages set type = 'Other'", "delete from message_store.messages",
		"truncate message_store.messages", "drop table message_store.messages", "create table message_store.t ()",
	} {
		if _, err := super.Exec(t.Context(), sql); err == nil {
			t.Errorf("the server's role is allowed to %s", sql)
		}
	}
	exec(t, super, "select count(*) from message_store.messages")
	exec(t, super, "begin isolation level repeatable read")
	if _, err := super.Exec(t.Context(), "select message_store.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')"); err == nil {
		t.Error("append runs in isolation level repeatable read")
	}
	exec(t, super, "rollback")
	exec(t, super, "begin")
	exec(t, super, "select message_store.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
	var durable string
	if err := super.QueryRow(t.Context(), "show synchronous_commit").Scan(&durable); err != nil || durable != "on" {
		t.Errorf("after append synchronous_commit is %s, %v", durable, err)
	}
}

// TestMigrate checks concurrent migrations of an empty database, and a migration of a
// current one by the server's role.
func TestMigrate(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "empty", func(context.Context, string) error { return nil })
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if err := postgres.Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	as := fmt.Sprintf("host=%s port=%d user=messagestore_server dbname=%s", config.Host, config.Port, config.Database)
	if err := postgres.Migrate(t.Context(), as); err != nil {
		t.Errorf("migrate a current database as the server's role: %v", err)
	}
	write(t, teststore.Start(t, as), "a-1", newMessage("Happened"))
}
