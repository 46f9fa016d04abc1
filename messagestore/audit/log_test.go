package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/messagestore/audit"
	"videotutorials/messagestore/postgres"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const (
	alice    messagestore.Principal = "alice"
	bob      messagestore.Principal = "bob"
	carol    messagestore.Principal = "carol"
	operator messagestore.Principal = "operator"
	self     messagestore.Principal = "store"
)

// newLog returns the URL, as superuser, of a database with a log that a store wrote:
//
//	  1-2    old-1 0-1                       anonymous
//	  3      orders-1 0                      anonymous
//	  4      ownership-orders 0              Claimed by alice
//	  5-104  orders-1 1-100                  alice
//	105      pinned-1 0                      alice, to whom the policy pins it
//	106      ownership-stock 0               Claimed by bob
//	107-156  stock-1 0-49                    bob
//	157-206  stock-2 0-49                    bob
//	207      ownership-stock 1               Transferred to carol
//	208-217  stock-1 50-59                   carol
//	218-219  orders:command-1 0-1            bob, alice
//	220-221  subscriberPosition-billing 0-1  alice: Read 150, Read 217
//	222      subscriberPosition-report 0     bob: Read 100, without an id
//	223      ownership-mail 0                Claimed by alice
//	224-233  mail-1 0-9                      alice
func newLog(t *testing.T) string {
	t.Helper()
	return testdb.New(t, "audited", func(ctx context.Context, url string) error {
		if err := postgres.Migrate(ctx, url); err != nil {
			return err
		}
		err := write(ctx, url, postgres.Options{}, func(w *writer) {
			w.write(messagestore.Anonymous, "old-1", 2)
			w.write(messagestore.Anonymous, "orders-1", 1)
		})
		policy := messagestore.Policy{
			Owners:    map[messagestore.Category]messagestore.Principal{"pinned": alice},
			Operators: []messagestore.Principal{operator},
		}
		options := postgres.Options{Policy: func() *messagestore.Policy { return &policy }, Self: self}
		return errors.Join(err, write(ctx, url, options, func(w *writer) {
			w.write(alice, "orders-1", 100)
			w.write(alice, "pinned-1", 1)
			w.write(bob, "stock-1", 50)
			w.write(bob, "stock-2", 50)
			w.transfer("stock", carol)
			w.write(carol, "stock-1", 10)
			w.write(bob, "orders:command-1", 1)
			w.write(alice, "orders:command-1", 1)
			w.read(alice, "subscriberPosition-billing", `{"position": 150, "messageId": "`+id(150)+`"}`)
			w.read(alice, "subscriberPosition-billing", `{"position": 217, "messageId": "`+id(217)+`"}`)
			w.read(bob, "subscriberPosition-report", `{"position": 100}`)
			w.write(alice, "mail-1", 10)
		}), exec(ctx, url, forgeSQL))
	})
}

// id is the id of the message at the global position, unless it is a claim.
func id(position int64) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", position) }

// forgeSQL creates a function that inserts a message.
const forgeSQL = `
create function forge(g bigint, stream text, n bigint, who text, kind text default 'Happened', data jsonb default '{}',
                      id uuid default gen_random_uuid())
returns void language sql
begin atomic
  insert into message_store.messages (global_position, stream_name, position, writer, type, data, id, metadata)
  values (g, stream, n, who, kind, forge.data, forge.id, '{}');
end`

// A writer writes to a store until an error.
type writer struct {
	ctx   context.Context
	store *postgres.Store
	err   error
}

// write runs a store on the database while f writes.
func write(ctx context.Context, url string, o postgres.Options, f func(*writer)) error {
	o.Log = slog.New(slog.DiscardHandler)
	store, err := postgres.Open(ctx, url, o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	w := &writer{ctx: ctx, store: store}
	f(w)
	stop()
	return errors.Join(w.err, <-done)
}

func (w *writer) write(who messagestore.Principal, stream messagestore.Stream, n int) {
	messages := make([]messagestore.NewMessage, n)
	for i := range messages {
		messages[i] = messagestore.NewMessage{Type: "Happened", Data: `{"n": 1}`}
	}
	w.append(who, stream, messages...)
}

func (w *writer) read(who messagestore.Principal, stream messagestore.Stream, data string) {
	w.append(who, stream, messagestore.NewMessage{Type: "Read", Data: data})
}

// append writes messages whose ids correspond to their global positions: those after the
// head, or after the claim that precedes the first message of a new category.
func (w *writer) append(who messagestore.Principal, stream messagestore.Stream, messages ...messagestore.NewMessage) {
	if w.err != nil {
		return
	}
	status, err := w.store.Status(w.ctx)
	if err != nil {
		w.err = err
		return
	}
	next := status.Head.Position + 1
	if slices.Contains([]int64{4, 106, 223}, next) {
		next++
	}
	for i := range messages {
		messages[i].ID = id(next + int64(i))
	}
	written, err := w.store.Write(messagestore.WithPrincipal(w.ctx, who), stream, messagestore.Any, messages...)
	if err == nil && written.GlobalPosition != next+int64(len(messages))-1 {
		err = fmt.Errorf("%s is at %d, planned from %d", stream, written.GlobalPosition, next)
	}
	w.err = err
}

func (w *writer) transfer(category messagestore.Category, to messagestore.Principal) {
	if w.err == nil {
		_, w.err = w.store.TransferOwnership(messagestore.WithPrincipal(w.ctx, operator), category, to)
	}
}

// exec runs statements as the superuser.
func exec(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func newAudit(t *testing.T, url string) *audit.Audit {
	t.Helper()
	return &audit.Audit{Database: url, Self: self, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), ProgressEvery: time.Second}
}

// run audits and returns the sorted lines.
func run(t *testing.T, a *audit.Audit) ([]string, audit.Summary) {
	t.Helper()
	lines := []string{}
	summary, err := a.Run(t.Context(), func(d audit.Damage) error {
		lines = append(lines, d.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Damage != int64(len(lines)) {
		t.Errorf("the summary has %d lines, %d were reported", summary.Damage, len(lines))
	}
	slices.Sort(lines)
	return lines, summary
}
