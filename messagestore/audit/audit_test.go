package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/audit"
)

// TestAudit_Clean checks that a log written by a store is clean, also for the role of its
// servers.
func TestAudit_Clean(t *testing.T) {
	t.Parallel()
	url := newLog(t)
	for _, role := range []string{"postgres", "messagestore_server"} {
		lines, summary := run(t, newAudit(t, with(url, "role="+role)))
		want := audit.Summary{Messages: 233, Streams: 12, Head: 233, Anonymous: 3}
		if len(lines) > 0 || summary != want {
			t.Errorf("%s: %q, %+v, want none, %+v", role, lines, summary, want)
		}
	}
}

func TestAudit_Empty(t *testing.T) {
	t.Parallel()
	_, url := teststore.Open(t)
	if lines, summary := run(t, newAudit(t, url)); len(lines) > 0 || summary != (audit.Summary{}) {
		t.Errorf("%q, %+v", lines, summary)
	}
}

// TestAudit_Unchecked checks that an audit that cannot read everything returns an error.
func TestAudit_Unchecked(t *testing.T) {
	t.Parallel()
	empty := testdb.New(t, "empty", func(context.Context, string) error { return nil })
	for name, test := range map[string]struct {
		sql             string
		database, views string // "": the log's
		state           string // SQLSTATE
	}{
		"NoURL":      {database: "postgres://%zz"},
		"NoServer":   {database: "postgres:///x?host=/nowhere"},
		"NoDatabase": {database: strings.Replace(empty, "empty", "none", 1), state: "3D000"},
		"NoTable":    {database: empty, state: "42P01"},
		"NoRight":    {sql: "revoke select on message_store.messages from messagestore_server", state: "42501"},
		"HiddenColumn": {sql: `revoke select on message_store.messages from messagestore_server;
			grant select (global_position, position, id, stream_name, type, writer, data) on message_store.messages to messagestore_server`, state: "42501"},
		"HiddenRows": {sql: `alter table message_store.messages enable row level security;
			create policy early on message_store.messages using (global_position < 100)`, state: "42501"},
		"NoViewTable": {views: empty, state: "42P01"},
		"NoViews":     {views: "postgres:///x?host=/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newLog(t)
			if err := exec(t.Context(), url, test.sql); err != nil {
				t.Fatal(err)
			}
			a := newAudit(t, with(url, "role=messagestore_server"))
			if test.database != "" {
				a.Database = test.database
			}
			a.Views = test.views
			_, err := a.Run(t.Context(), func(audit.Damage) error { return nil })
			var state interface{ SQLState() string }
			if err == nil || test.state != "" && (!errors.As(err, &state) || state.SQLState() != test.state) {
				t.Errorf("%v, want SQLSTATE %s", err, test.state)
			}
		})
	}
}

// TestAudit_Ended checks that an interrupted audit returns an error, although it reported
// damage.
func TestAudit_Ended(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for name, test := range map[string]struct {
		end  func(url string, cancel context.CancelFunc) error
		want error // nil: any
	}{
		"ByTheReport":  {func(string, context.CancelFunc) error { return full }, full},
		"ByTheContext": {func(_ string, cancel context.CancelFunc) error { cancel(); return nil }, context.Canceled},
		"ByPostgres": {func(url string, _ context.CancelFunc) error {
			return exec(t.Context(), url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended'")
		}, nil},
	} {
		url := newLog(t)
		if err := exec(t.Context(), url, "delete from message_store.messages where global_position = 50"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reported := 0
		_, err := newAudit(t, with(url, "application_name=ended")).Run(ctx, func(audit.Damage) error {
			reported++
			return test.end(url, cancel)
		})
		if err == nil || test.want != nil && !errors.Is(err, test.want) || reported != 1 {
			t.Errorf("%s: %v after %d reports", name, err, reported)
		}
	}
}

// TestAudit_Live checks that a clean log is clean while it grows and views advance.
func TestAudit_Live(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	views := newViews(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- live(ctx, store, views) }()
	a := newAudit(t, url)
	a.Views = views
	for range 30 {
		if lines, _ := run(t, a); len(lines) > 0 {
			t.Errorf("%q", lines)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// live writes messages and the position of a view after each.
func live(ctx context.Context, store messagestore.Store, views string) error {
	conn, err := pgx.Connect(ctx, views)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for n := int64(1); ctx.Err() == nil; n++ {
		m := messagestore.NewMessage{ID: id(n), Type: "Happened", Data: "{}"}
		_, err := store.Write(ctx, "live-1", messagestore.Any, m)
		if err == nil {
			_, err = conn.Exec(ctx, `insert into consumer_positions values ('view', $1, $2)
				on conflict (consumer_id) do update set position = excluded.position, message_id = excluded.message_id`, n, m.ID)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func TestAudit_Progress(t *testing.T) {
	t.Parallel()
	url := newLog(t)
	if err := exec(t.Context(), url, "delete from message_store.messages where global_position = 50"); err != nil {
		t.Fatal(err)
	}
	logged := make(lines, 1)
	a := newAudit(t, url)
	a.Log, a.ProgressEvery = slog.New(slog.NewTextHandler(logged, nil)), time.Millisecond
	seen := ""
	_, err := a.Run(t.Context(), func(audit.Damage) error {
		for !strings.Contains(seen, "msg=auditing part=") {
			seen = <-logged
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lines is a writer that drops lines while the channel is full.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}

func TestDamage_String(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]audit.Damage{
		`missing $all 3-5`: {Kind: audit.Missing, Stream: audit.All, Position: 3, LastPosition: 5},
		`missing a-1 3`:    {Kind: audit.Missing, Stream: "a-1", Position: 3, LastPosition: 3},
		`bad-name "a 1\n" 0 at global position 7: wrong`: {Kind: audit.BadName, Stream: "a 1\n", GlobalPosition: 7, Detail: "wrong"},
		`no-value "" 0: stream`:                          {Kind: audit.NoValue, Detail: "stream"},
	} {
		if got := d.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// with adds a parameter to the URL.
func with(url, setting string) string {
	if strings.Contains(url, "?") {
		return url + "&" + setting
	}
	return url + "?" + setting
}

func sorted(lines ...string) []string {
	slices.Sort(lines)
	return lines
}
