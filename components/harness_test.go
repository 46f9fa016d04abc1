package components_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
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
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A runner is a Runner that runs until stop is called or the test ends.
type runner struct {
	*components.Runner
	t    *testing.T
	stop func()
	// handled receives each message that was handled.
	handled <-chan messagestore.Message
	// logged receives the message of each log record from Warn on.
	logged <-chan string
}

func run(t *testing.T, store messagestore.Store, consumers ...components.Consumer) runner {
	t.Helper()
	handled, logged := make(chan messagestore.Message, 100_000), make(chan string, 100_000)
	log := slog.New(watcher{slog.NewTextHandler(t.Output(), nil), logged})
	watched := slices.Clone(consumers)
	for i := range watched {
		watched[i] = components.Watched(watched[i], handled)
	}
	r, err := components.New(store, nil, log, watched...)
	if err != nil {
		t.Fatal(err)
	}
	return runner{r, t, running.Start(t, r.Run), handled, logged}
}

// await waits until n messages of the contract are handled.
func (r runner) await(like proto.Message, n int) {
	r.t.Helper()
	for n > 0 {
		m := running.Receive(r.t, contract.Type(like)+" to be handled", r.handled)
		if isA(m, like) {
			n--
		}
	}
}

func isA(m messagestore.Message, like proto.Message) bool {
	return contract.Kind{Category: m.Stream.Category(), Type: m.Type} == contract.KindOf(like)
}

// A watcher is a log handler that also sends the messages to a channel.
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

// registration returns the consumers of identity and sendemail, and the postbox to which
// they send.
func registration(t *testing.T) ([]components.Consumer, *postbox) {
	t.Helper()
	box := &postbox{sent: map[string]int{}}
	return slices.Concat(identity.Consumers(mail(t)), sendemail.Consumers(box)), box
}

// A postbox is a Transport that counts mails by id.
type postbox struct {
	mu   sync.Mutex
	sent map[string]int
	// err, if set, is returned for each mail.
	err error
}

func (p *postbox) From() string { return "system@videotutorials.test" }

func (p *postbox) Send(_ context.Context, mail *sendemailv1.Send) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.sent[mail.GetEmailId()]++
	return nil
}

// expect checks that there are n mails, each sent once.
func (p *postbox) expect(t *testing.T, n int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) != n {
		t.Errorf("%d mails, want %d", len(p.sent), n)
	}
	for id, times := range p.sent {
		if times > 1 {
			t.Errorf("mail %s was sent %d times", id, times)
		}
	}
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

// write writes a message of the user to the entity with the id.
func write(t *testing.T, store messagestore.Store, id, userID string, m proto.Message) {
	t.Helper()
	data, err := contract.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	writeTo(t, store, contract.Category(m).Stream(id), messagestore.NewMessage{
		ID: uuid.NewString(), Type: contract.Type(m), Data: data,
		Metadata: contract.Metadata{TraceID: uuid.NewString(), UserID: &userID, TraceParent: "00-a-b-01"}.String(),
	})
}

// writeTo writes messages to the stream as they are.
func writeTo(t *testing.T, store messagestore.Store, stream messagestore.Stream, messages ...messagestore.NewMessage) {
	t.Helper()
	if _, err := store.Write(t.Context(), stream, messagestore.Any, messages...); err != nil {
		t.Fatal(err)
	}
}

// read returns the messages of the source.
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

// types returns the types of the source's messages.
func types(t *testing.T, store messagestore.Store, source messagestore.Source) (types []string) {
	t.Helper()
	for _, m := range read(t, store, source) {
		types = append(types, m.Type)
	}
	return types
}

func wantTypes(t *testing.T, store messagestore.Store, source messagestore.Source, want ...string) {
	t.Helper()
	if got := types(t, store, source); !slices.Equal(got, want) {
		t.Errorf("messages are %v, want %v", got, want)
	}
}

// all is every category but those of positions.
var all = messagestore.OfCategories("identity:command", "identity", "emailAddress", "sendEmail:command", "sendEmail")

// identityOf returns the stream of an identity.
func identityOf(userID string) messagestore.Source {
	return messagestore.OfStream(contract.Category((*identityv1.Registered)(nil)).Stream(userID))
}

// count returns the number of messages of the contract.
func count(messages []messagestore.Message, like proto.Message) (n int) {
	for _, m := range messages {
		if isA(m, like) {
			n++
		}
	}
	return n
}

// A faulty store delivers messages several times, or fails writes.
type faulty struct {
	messagestore.Store
	// times is how often each message is delivered. Defaults to once.
	times int
	// write, if set, is called before each WriteBatch, which returns its error.
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

// elsewhere is a store without saved positions.
type elsewhere struct{ messagestore.Store }

func (elsewhere) Last(context.Context, messagestore.Stream, string) (messagestore.Message, error) {
	return messagestore.Message{}, messagestore.ErrNotFound
}

func (elsewhere) Streams(context.Context, messagestore.ListRequest) (messagestore.StreamPage, error) {
	return messagestore.StreamPage{}, nil
}

// openStore returns a running store for an Example.
func openStore() (store messagestore.Store, closeStore func()) {
	t := &exampleTB{}
	return teststore.New(t), func() {
		for _, cleanup := range slices.Backward(t.cleanups) {
			cleanup()
		}
	}
}

// An exampleTB stands for the test in an Example. Its failures are panics.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (*exampleTB) Helper()                      {}
func (*exampleTB) Context() context.Context     { return context.Background() }
func (*exampleTB) Output() io.Writer            { return io.Discard }
func (t *exampleTB) Cleanup(f func())           { t.cleanups = append(t.cleanups, f) }
func (*exampleTB) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (*exampleTB) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (*exampleTB) Errorf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
