package compatibility_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/aggregators"
	"videotutorials/components"
	"videotutorials/components/identity"
	"videotutorials/components/sendemail"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	sendemailv1 "videotutorials/proto/sendemail/v1"
	"videotutorials/viewdata"
)

// A node is the original system on this repository's store. It writes messages as the
// original's code does, with the keys in the same order.
type node struct {
	t     *testing.T
	store messagestore.Store
}

// write writes a message with the original's JSON and returns its global position.
func (n node) write(stream, messageType, data, metadata string) (global int64) {
	n.t.Helper()
	m := messagestore.NewMessage{ID: uuid.NewString(), Type: messageType, Data: data, Metadata: metadata}
	written, err := n.store.Write(n.t.Context(), messagestore.Stream(stream), messagestore.Any, m)
	if err != nil {
		n.t.Fatal(err)
	}
	return written.GlobalPosition
}

// traceOf returns the metadata of a request of the user, or of an anonymous one if
// user is "".
func traceOf(user string) string {
	if user == "" {
		return fmt.Sprintf(`{"traceId":%q,"userId":null}`, uuid.NewString())
	}
	return fmt.Sprintf(`{"traceId":%q,"userId":%q}`, uuid.NewString(), user)
}

// registerOf returns the data of Register and Registered, with the address as typed.
func registerOf(user, email string) string {
	return fmt.Sprintf(`{"userId":%q,"email":%q,"passwordHash":"$2b$10$original"}`, user, email)
}

// namespace is the one from which the original derives ids of mails by address.
var namespace = uuid.MustParse("0c46e0b7-dfaf-443a-b150-053b67905cc2")

// sendOf returns the data of Send and, without from, of Sent.
func sendOf(emailID, to string) string {
	return fmt.Sprintf(`{"emailId":%q,"to":%q,"subject":"You're Registered!","text":"hello","html":"<p>hello</p>"}`, emailID, to)
}

func originOf(user string) string {
	return fmt.Sprintf(`{"originStreamName":%q,"traceId":%q,"userId":%q}`, "identity-"+user, uuid.NewString(), user)
}

// await waits until count messages of the type are stored and returns all messages
// of the categories up to the last of them.
func (n node) await(messageType string, count int, categories ...messagestore.Category) (all []messagestore.Message) {
	n.t.Helper()
	for event, err := range n.store.Subscribe(n.t.Context(), messagestore.Subscription{Source: messagestore.OfCategories(categories...)}) {
		if err != nil {
			n.t.Fatal(err)
		}
		messages, _ := event.(messagestore.Messages)
		for _, m := range messages {
			all = append(all, m)
			if m.Type == messageType {
				count--
			}
		}
		if count <= 0 {
			return all
		}
	}
	return nil
}

// run runs consumers of this repository until stop is called or the test ends.
func (n node) run(consumers ...components.Consumer) (stop func()) {
	n.t.Helper()
	runner, err := components.New(n.store, nil, slog.New(slog.NewTextHandler(n.t.Output(), nil)), consumers...)
	if err != nil {
		n.t.Fatal(err)
	}
	return running.Start(n.t, runner.Run)
}

// identities returns the consumers of component identity.
func identities(t *testing.T) []components.Consumer {
	t.Helper()
	secret, err := token.NewSecret([]byte("a secret of the tests, 32 bytes!"))
	if err != nil {
		t.Fatal(err)
	}
	return identity.Consumers(identity.Mail{PublicURL: &url.URL{Scheme: "http", Host: "public.test"}, Secret: secret})
}

// emails returns the consumers of component sendemail and the mailbox it sends to.
func emails() ([]components.Consumer, *mailbox) {
	box := &mailbox{}
	return sendemail.Consumers(box), box
}

// A mailbox is a Transport that keeps the mails.
type mailbox struct {
	mu    sync.Mutex
	mails []*sendemailv1.Send
}

func (*mailbox) From() string { return "system@videotutorials.test" }

func (p *mailbox) Send(_ context.Context, mail *sendemailv1.Send) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, mail)
	return nil
}

// A target is an aggregator and the position of the last message it has to handle.
type target struct {
	aggregators.Aggregator
	last int64
}

// rows runs the aggregators until each has handled its last message and returns the
// results of the queries.
func (n node) rows(targets []target, queries ...string) (found [][]string) {
	t := n.t
	t.Helper()
	url := testdb.New(t, "view_data", viewdata.Migrate)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	for _, sql := range []string{
		`create function moved() returns trigger language plpgsql as $$ begin perform pg_notify('moved', ''); return null; end $$`,
		`create trigger moved after insert or update on consumer_positions execute function moved()`,
		`listen moved`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	db, err := viewdata.Open(t.Context(), url, viewdata.Writer)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all []aggregators.Aggregator
	for _, f := range targets {
		all = append(all, f.Aggregator)
	}
	runner, err := aggregators.New(n.store, db, nil, slog.New(slog.NewTextHandler(t.Output(), nil)), all...)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Start(t, runner.Run)()
	for _, f := range targets {
		for arrived := false; !arrived; {
			const query = "select exists (select from consumer_positions where consumer_id = $1 and position >= $2)"
			if err := conn.QueryRow(t.Context(), query, f.ID, f.last).Scan(&arrived); err != nil {
				t.Fatal(err)
			}
			if arrived {
				break
			}
			if _, err := conn.WaitForNotification(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, sql := range queries {
		answer, _ := conn.Query(t.Context(), sql)
		texts, err := pgx.CollectRows(answer, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		found = append(found, texts)
	}
	return found
}
