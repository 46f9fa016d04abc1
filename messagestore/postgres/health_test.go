package postgres_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

// TestStore_Ready checks that a store whose writes do not commit is not ready although
// Postgres answers, and recovers without a write.
func TestStore_Ready(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	write(t, store, "a-1", newMessage("Happened"))
	ready := func(want string) {
		t.Helper()
		running.Until(t, "Ready returns "+strconv.Quote(want), func() bool {
			err := store.(*postgres.Store).Ready(t.Context())
			return want == "" && err == nil || want != "" && err != nil && strings.Contains(err.Error(), want)
		})
	}
	ready("")
	super := connect(t, url)
	database := pgx.Identifier{super.Config().Database}.Sanitize()
	exec(t, super, "alter database "+database+" set default_transaction_read_only = on")
	exec(t, super, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if _, err := store.Write(ctx, "a-1", messagestore.Any, newMessage("Happened")); err == nil {
		t.Fatal("a read-only Postgres stored a message")
	}
	ready("writes do not commit")
	exec(t, super, "alter database "+database+" reset default_transaction_read_only")
	exec(t, super, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
	ready("")
	if m, err := store.Last(t.Context(), "a-1", ""); err != nil || m.Position != 0 {
		t.Errorf("%+v %v, want one message", m, err)
	}
}

// TestStore_ReadyAfterRejection checks that a message rejected for its content leaves the
// store ready, and an error that concerns every message does not.
func TestStore_ReadyAfterRejection(t *testing.T) {
	t.Parallel()
	for state, ready := range map[string]bool{
		"22023": true, "23514": true, "54000": true, "P0001": true,
		"23505": false, "42501": false, "XX000": false,
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			store, url := teststore.Open(t)
			rejectType(t, url, state)
			if _, err := store.Write(t.Context(), "a-1", messagestore.Any, newMessage("Rejected")); err == nil {
				t.Fatal("the trigger did not reject the message")
			}
			err := store.(*postgres.Store).Ready(t.Context())
			if fails := err != nil && strings.Contains(err.Error(), "writes do not commit"); fails == ready {
				t.Errorf("Ready returned %v, want ready: %v", err, ready)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	store := teststore.StartWith(t, testdb.New(t, "message_store", postgres.Migrate), postgres.Options{Registry: registry})
	values := func() map[string]float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, f := range families {
			if len(f.GetHelp()) < 20 {
				t.Errorf("%s: the help is %q", f.GetName(), f.GetHelp())
			}
			m := f.GetMetric()[0]
			values[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
		return values
	}
	write(t, store, "a-1", newMessage("Happened"), newMessage("Happened"))
	bounded, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for event, err := range store.Subscribe(bounded, messagestore.Subscription{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := event.(messagestore.CaughtUp); ok {
			// The subscriber does not receive while these are written.
			write(t, store, "a-1", newMessage("Happened"))
			write(t, store, "b-1", newMessage("Happened"))
		}
		if messages, ok := event.(messagestore.Messages); ok && messages[0].GlobalPosition == 3 {
			break
		}
	}
	next := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfCategories("a")}) {
			if err != nil {
				return // the context ended
			}
			if _, ok := event.(messagestore.CaughtUp); ok {
				next <- struct{}{}
			}
			if messages, ok := event.(messagestore.Messages); ok && messages[0].GlobalPosition > 3 {
				next <- struct{}{} // received the first and blocks
				<-ctx.Done()
			}
		}
	}()
	<-next
	if v := values(); v["messagestore_subscription_lag_messages"] != 0 || v["messagestore_subscription_lag_seconds"] != 0 || v["messagestore_subscriptions"] != 1 {
		t.Errorf("at the head: %v", v)
	}
	write(t, store, "a-1", newMessage("Happened"))
	<-next
	write(t, store, "a-1", newMessage("Happened"))
	readAll(t, store, messagestore.ReadRequest{Source: messagestore.OfAll()})
	v := values()
	stop()
	<-reading
	want := map[string]float64{
		"messagestore_head_position": 6, "messagestore_ready": 1,
		"messagestore_group_calls": 5, "messagestore_group_messages": 5, "messagestore_commit_seconds": 5,
		"messagestore_queue_calls": 0, "messagestore_queue_bytes": 0, "messagestore_queue_refused_total": 0,
		"messagestore_subscriptions": 1, "messagestore_subscription_lag_messages": 2,
	}
	for name, value := range want {
		if v[name] != value {
			t.Errorf("%s is %v, want %v", name, v[name], value)
		}
	}
	for _, name := range []string{"messagestore_head_age_seconds", "messagestore_tail_messages", "messagestore_tail_bytes", "messagestore_subscription_lag_seconds", "messagestore_pages_total"} {
		if v[name] <= 0 {
			t.Errorf("%s is %v", name, v[name])
		}
	}
	for _, name := range []string{"messagestore_group_retries_total", "messagestore_backends_ended_total"} {
		if value, ok := v[name]; !ok || value != 0 {
			t.Errorf("%s is %v", name, v[name])
		}
	}
	t.Log(slices.Sorted(maps.Keys(v)))
	if v = values(); v["messagestore_subscriptions"] != 0 {
		t.Errorf("%v subscriptions are open after the end", v["messagestore_subscriptions"])
	}
}
