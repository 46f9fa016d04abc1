package components_test

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/components"
	"videotutorials/components/identity"
	"videotutorials/components/sendemail"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A running Runner.
type running struct {
	*components.Runner
	// stop ends it and waits for the end; so does the end of the test.
	stop func()
	// handled receives each message that was handled.
	handled <-chan messagestore.Message
	// logged receives the text of each line that is not mere information.
	logged <-chan string
}

func run(t *testing.T, store messagestore.Store, consumers ...components.Consumer) running {
	t.Helper()
	handled, logged := make(chan messagestore.Message, 100_000), make(chan string, 100_000)
	log := slog.New(watcher{slog.NewTextHandler(t.Output(), nil), logged})
	watched := slices.Clone(consumers)
	for i := range watched {
		watched[i] = components.Watched(watched[i], handled)
	}
	runner, err := components.New(store, nil, log, watched...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return running{runner, stop, handled, logged}
}

// await waits until so many messages of the contract are handled.
func (r running) await(like proto.Message, n int) {
	for n > 0 {
		m := <-r.handled
		if (contract.Kind{Category: m.Stream.Category(), Type: m.Type}) == contract.KindOf(like) {
			n--
		}
	}
}

// A watcher is a log handler that passes on the texts.
type watcher struct {
	slog.Handler
	logged chan<- string
}

func (w watcher) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		w.logged <- r.Message
	}
	return w.Handler.Handle(ctx, r)
}

func (w watcher) WithAttrs(attributes []slog.Attr) slog.Handler {
	return watcher{w.Handler.WithAttrs(attributes), w.logged}
}

// mail returns what the registration mail is made of.
func mail(t *testing.T) identity.Mail {
	t.Helper()
	public, err := url.Parse("http://public.test/")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := token.NewSecret(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	return identity.Mail{PublicURL: public, Secret: secret}
}

// people returns both components, and the transport that counts their mails.
func people(t *testing.T) ([]components.Consumer, *postbox) {
	t.Helper()
	box := &postbox{sent: map[string]int{}}
	return slices.Concat(identity.Consumers(mail(t)), sendemail.Consumers(box)), box
}

// A postbox is a Transport that counts the mails by their ids.
type postbox struct {
	mu   sync.Mutex
	sent map[string]int
	// refuse, if set, is what comes of each mail.
	refuse error
}

func (p *postbox) From() string { return "system@videotutorials.test" }

func (p *postbox) Send(_ context.Context, mail *sendemailv1.Send) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	p.sent[mail.GetEmailId()]++
	return nil
}

// counts returns how many mails there are, and how many were sent twice or more.
func (p *postbox) counts() (mails, again int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.sent {
		if n > 1 {
			again++
		}
	}
	return len(p.sent), again
}

// register writes Register of a new user and returns the user's id.
func register(t *testing.T, store messagestore.Store, email string) (userID string) {
	t.Helper()
	userID = uuid.NewString()
	registerAs(t, store, userID, email)
	return userID
}

func registerAs(t *testing.T, store messagestore.Store, userID, email string) {
	t.Helper()
	write(t, store, userID, userID, &identityv1.Register{UserId: userID, Email: email, PasswordHash: "hash"})
}

// write writes a message in the name of a user.
func write(t *testing.T, store messagestore.Store, id, userID string, m proto.Message) {
	t.Helper()
	data, err := contract.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	message := messagestore.NewMessage{
		ID: uuid.NewString(), Type: contract.Type(m), Data: data,
		Metadata: contract.Metadata{TraceID: uuid.NewString(), UserID: &userID, TraceParent: "00-a-b-01"}.String(),
	}
	if _, err := store.Write(t.Context(), contract.Category(m).Stream(id), messagestore.Any, message); err != nil {
		t.Fatal(err)
	}
}

// read returns what the source has.
func read(t *testing.T, store messagestore.Store, source messagestore.Source) (messages []messagestore.Message) {
	t.Helper()
	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: source}) {
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return messages
}

// types returns the types of the source's messages, oldest first.
func types(t *testing.T, store messagestore.Store, source messagestore.Source) (types []string) {
	t.Helper()
	for _, m := range read(t, store, source) {
		types = append(types, m.Type)
	}
	return types
}

// all is every category but those of the frame.
var all = messagestore.OfCategories("identity:command", "identity", "emailAddress", "sendEmail:command", "sendEmail")

func stream(m proto.Message, id string) messagestore.Source {
	return messagestore.OfStream(contract.Category(m).Stream(id))
}

// identityOf is the stream of an identity.
func identityOf(userID string) messagestore.Source {
	return stream((*identityv1.Registered)(nil), userID)
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// count returns how many of the messages have the type.
func count(messages []messagestore.Message, like proto.Message) (n int) {
	for _, m := range messages {
		if m.Type == contract.Type(like) && m.Stream.Category() == contract.Category(like) {
			n++
		}
	}
	return n
}

// A faulty store is another store with faults.
type faulty struct {
	messagestore.Store
	// times is how often each message is delivered. Defaults to once.
	times int
	// write, if set, is called before each WriteBatch, which fails with its error.
	write func(context.Context, []messagestore.Write) error
}

func (f faulty) Subscribe(ctx context.Context, s messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		for event, err := range f.Store.Subscribe(ctx, s) {
			if messages, ok := event.(messagestore.Messages); ok && f.times > 1 {
				var more messagestore.Messages
				for _, m := range messages {
					more = append(more, slices.Repeat([]messagestore.Message{m}, f.times)...)
				}
				event = more
			}
			if !yield(event, err) {
				return
			}
		}
	}
}

func (f faulty) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	if f.write != nil {
		if err := f.write(ctx, writes); err != nil {
			return nil, err
		}
	}
	return f.Store.WriteBatch(ctx, writes...)
}
