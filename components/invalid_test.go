package components_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/components/identity"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	identityv1 "videotutorials/proto/identity/v1"
)

func TestEntityOf(t *testing.T) {
	t.Parallel()
	const id = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	if got := components.EntityOf[*identityv1.Registered](id); len(got) != 1 || got[0] != "identity-"+id {
		t.Errorf("got %q, want the identity's stream", got)
	}
	for _, id := range []string{"", "undefined", strings.ToUpper(id), "{" + id + "}", strings.ReplaceAll(id, "-", ""), "urn:uuid:" + id} {
		if got := components.EntityOf[*identityv1.Registered](id); got != nil {
			t.Errorf("%q: %q, want none", id, got)
		}
	}
}

func TestNew_DuplicateID(t *testing.T) {
	t.Parallel()
	c := identity.Consumers(mail(t))[0]
	_, err := components.New(nil, nil, slog.New(slog.DiscardHandler), c, c)
	if err == nil || !strings.Contains(err.Error(), c.ID) {
		t.Errorf("got %v, want an error with the ID", err)
	}
}

func TestNew_InvalidHandlers(t *testing.T) {
	t.Parallel()
	c := identity.Consumers(mail(t))[0]
	for name, handlers := range map[string]components.Handlers{"NoHandlers": nil, "TwoHandlers": {c.Handlers[0], c.Handlers[0]}} {
		if _, err := components.New(nil, nil, slog.New(slog.DiscardHandler), components.Consumer{ID: "test", Handlers: handlers}); err == nil {
			t.Errorf("%s: New = nil, want an error", name)
		}
	}
}

// Messages of a handled type in another category, and of other types, are not handled.
func TestOtherMessages(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	nothing := func(struct{}, *identityv1.GrantAdmin, components.Cause) []components.Emit { return nil }
	never := func(struct{}, *identityv1.Registered, components.Cause) []components.Emit {
		t.Error("handled a message that is not an event of an identity")
		return nil
	}
	of := func(id string) []messagestore.Stream { return components.EntityOf[*identityv1.Registered](id) }
	user := uuid.NewString()
	for _, m := range []struct {
		stream messagestore.Stream
		name   string
	}{{"identity:command-", "Registered"}, {"identity-", "GrantAdmin"}, {"identity-", "Other"}, {"other-", "GrantAdmin"}} {
		writeTo(t, store, m.stream+messagestore.Stream(user),
			messagestore.NewMessage{ID: uuid.NewString(), Type: m.name, Data: `{"userId": "` + user + `"}`})
	}
	write(t, store, user, user, &identityv1.GrantAdmin{UserId: user})
	r := run(t, store, components.Consumer{ID: "test", Handlers: components.Handlers{
		components.On(func(m *identityv1.GrantAdmin, _ components.Cause) []messagestore.Stream { return of(m.GetUserId()) },
			components.Projection[struct{}]{}, nothing),
		components.On(func(m *identityv1.Registered, _ components.Cause) []messagestore.Stream { return of(m.GetUserId()) },
			components.Projection[struct{}]{}, never),
	}})
	select {
	case m := <-r.handled:
		if m.GlobalPosition != 5 {
			t.Errorf("handled %s in %s first", m.Type, m.Stream)
		}
	case line := <-r.logged:
		t.Errorf("a message fails: %s", line)
	case <-time.After(running.Patience):
		t.Errorf("no message is handled within %v", running.Patience)
	}
	r.stop()
	if len(r.handled)+len(r.logged) > 0 {
		t.Errorf("%d more messages are handled, and %d records logged", len(r.handled), len(r.logged))
	}
}

// A mistake of a component's author stops the message, with an error that explains it.
func TestInvalidDecisions(t *testing.T) {
	t.Parallel()
	user := uuid.NewString()
	of := func(m *identityv1.GrantAdmin, _ components.Cause) []messagestore.Stream {
		return components.EntityOf[*identityv1.Registered](m.GetUserId())
	}
	emitting := func(e components.Emit) components.Consumer {
		return components.Consumer{ID: "test", Handlers: components.Handlers{components.On(of, components.Projection[struct{}]{},
			func(struct{}, *identityv1.GrantAdmin, components.Cause) []components.Emit {
				return []components.Emit{components.Event(&identityv1.AdminGranted{UserId: user}), e}
			})}}
	}
	for name, test := range map[string]struct {
		emit components.Emit
		want string
	}{
		"CommandAsEvent": {components.Event(&identityv1.ConfirmRegistration{UserId: user}),
			"test: a message fails: GrantAdmin 1 in identity:command-" + user + ": the decision emits ConfirmRegistration as an event of identity-" + user +
				", but its category is identity:command: use Command or EventOf"},
		"Foreign": {components.EventOf("ann", &identityv1.EmailAddressReserved{UserId: user}),
			"write for identity-" + user + ": category emailAddress is owned by component/other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			r := run(t, faulty{Store: store, write: func(_ context.Context, writes []messagestore.Write) error {
				if len(writes) == 2 {
					return &messagestore.NotOwnerError{Category: "emailAddress", Owner: "component/other"}
				}
				return nil
			}}, emitting(test.emit))
			write(t, store, user, user, &identityv1.GrantAdmin{UserId: user})
			running.Receive(t, "the error", r.logged)
			if err := r.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ready: %v, want %q", err, test.want)
			}
		})
	}
}
