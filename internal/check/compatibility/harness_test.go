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

// A node is the original system, on a store of ours: what it writes is as its
// code has it, keys in its order.
type node struct {
	t     *testing.T
	store messagestore.Store
}

// write writes what the original would; format has its JSON.
func (n node) write(stream, messageType, data, metadata string) (global int64) {
	n.t.Helper()
	m := messagestore.NewMessage{ID: uuid.NewString(), Type: messageType, Data: data, Metadata: metadata}
	written, err := n.store.Write(n.t.Context(), messagestore.Stream(stream), messagestore.Any, m)
	if err != nil {
		n.t.Fatal(err)
	}
	return written.GlobalPosition
}

// traceOf is the metadata of a request of the user; "" is nobody.
func traceOf(user string) string {
	if user == "" {
		return fmt.Sprintf(`{"traceId":%q,"userId":null}`, uuid.NewString())
	}
	return fmt.Sprintf(`{"traceId":%q,"userId":%q}`, uuid.NewString(), user)
}

// registerOf is the data of Register and Registered. The address is as it was typed.
func registerOf(user, email string) string {
	return fmt.Sprintf(`{"userId":%q,"email":%q,"passwordHash":"$2b$10$original"}`, user, email)
}

// namespace is that of the original's mails: it derives their ids from addresses.
var namespace = uuid.MustParse("0c46e0b7-dfaf-443a-b150-053b67905cc2")

// sendOf is the data of Send, and of Sent, which has no from.
func sendOf(emailID, to string) string {
	return fmt.Sprintf(`{"emailId":%q,"to":%q,"subject":"You're Registered!","text":"hello","html":"<p>hello</p>"}`, emailID, to)
}

func originOf(user string) string {
	return fmt.Sprintf(`{"originStreamName":%q,"traceId":%q,"userId":%q}`, "identity-"+user, uuid.NewString(), user)
}

// await returns the stored messages of the categories when n of them have the
// type.
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

// run runs consumers of ours; stop ends them, and waits for what they have begun.
func (n node) run(consumers ...components.Consumer) (stop func()) {
	n.t.Helper()
	runner, err := components.New(n.store, nil, slog.New(slog.NewTextHandler(n.t.Output(), nil)), consumers...)
	if err != nil {
		n.t.Fatal(err)
	}
	return running.Start(n.t, runner.Run)
}

// identities are the consumers of our component identity.
func identities(t *testing.T) []components.Consumer {
	t.Helper()
	secret, err := token.NewSecret([]byte("a secret of the tests, 32 bytes!"))
	if err != nil {
		t.Fatal(err)
	}
	return identity.Consumers(identity.Mail{PublicURL: &url.URL{Scheme: "http", Host: "public.test"}, Secret: secret})
}

// emails are the consumers of our component sendemail, and where its mails go.
func emails() ([]components.Consumer, *postbox) {
	box := &postbox{}
	return sendemail.Consumers(box), box
}

// A postbox is a Transport that keeps the mails.
type postbox struct {
	mu    sync.Mutex
	mails []*sendemailv1.Send
}

func (*postbox) From() string { return "system@videotutorials.test" }

func (p *postbox) Send(_ context.Context, mail *sendemailv1.Send) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, mail)
	return nil
}

// A follower is an aggregator of ours, and the position of the last message that
// it handles.
type follower struct {
	aggregators.Aggregator
	last int64
}

// rows runs aggregators until each has handled its last message, and returns what
// the queries then find.
func (n node) rows(followers []follower, queries ...string) (found [][]string) {
	t := n.t
	t.Helper()
	url := testdb.New(t, "view_data", viewdata.Migrate)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it has only read
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
	for _, f := range followers {
		all = append(all, f.Aggregator)
	}
	runner, err := aggregators.New(n.store, db, nil, slog.New(slog.NewTextHandler(t.Output(), nil)), all...)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Start(t, runner.Run)()
	for _, f := range followers {
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
