package components_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/components/identity"
	"videotutorials/components/sendemail"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// TestWaitingTogether_D1 has the commands wait together, so that the event of the
// first stands behind the others in the log.
func TestWaitingTogether_D1(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	user := register(t, store, "ann@example.org")
	write(t, store, user, user, &identityv1.ConfirmRegistration{UserId: user})
	write(t, store, user, user, &identityv1.GrantAdmin{UserId: user})
	r := run(t, store, identity.Consumers(mail(t))[0])
	r.await((*identityv1.GrantAdmin)(nil), 1)
	want(t, "identity", types(t, store, identityOf(user)), "Registered", "RegistrationConfirmed", "AdminGranted")
}

// TestStoreFails_D5 has the writes for one user fail a while: the others go on,
// and then so does that one.
func TestStoreFails_D5(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	unlucky := register(t, store, "unlucky@example.org")
	lucky := register(t, store, "lucky@example.org")
	fine := make(chan struct{})
	r := run(t, faulty{Store: store, write: func(_ context.Context, writes []messagestore.Write) error {
		select {
		case <-fine:
			return nil
		default:
		}
		if slices.ContainsFunc(writes, func(w messagestore.Write) bool { return w.Stream.ID() == unlucky }) {
			return &messagestore.UnavailableError{Reason: "unlucky"}
		}
		return nil
	}}, identity.Consumers(mail(t))[0])
	for handled := ""; handled != lucky; handled = (<-r.handled).Stream.ID() {
	}
	for range 3 {
		<-r.logged
	}
	if err := r.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "unlucky") {
		t.Errorf("ready while a user's writes fail: %v, want the reason", err)
	}
	close(fine)
	r.await((*identityv1.Register)(nil), 1)
	want(t, "unlucky", types(t, store, identityOf(unlucky)), "Registered")
	r.stop()
	if err := r.Ready(t.Context()); err != nil {
		t.Errorf("ready after the writes succeed: %v", err)
	}
}

// TestLongStream_D8 decides by an event that stands behind 1,500 others.
func TestLongStream_D8(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	user := uuid.NewString()
	var many []messagestore.NewMessage
	for range 1500 {
		many = append(many, messagestore.NewMessage{ID: uuid.NewString(), Type: "RegistrationRejected", Data: `{"userId": "` + user + `"}`})
	}
	for chunk := range slices.Chunk(many, 500) {
		if _, err := store.Write(t.Context(), messagestore.Stream("identity-"+user), messagestore.Any, chunk...); err != nil {
			t.Fatal(err)
		}
	}
	write(t, store, user, user, &identityv1.Registered{UserId: user, Email: "ann@example.org"})
	write(t, store, user, user, &identityv1.ConfirmRegistration{UserId: user})
	r := run(t, store, identity.Consumers(mail(t))[0])
	r.await((*identityv1.ConfirmRegistration)(nil), 1)
	got := types(t, store, identityOf(user))
	want(t, "end of identity", got[len(got)-2:], "Registered", "RegistrationConfirmed")
}

// TestConflict_D9 has somebody else write between reading and writing, to the
// stream that is written, and to the one that is only read.
func TestConflict_D9(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]messagestore.Stream{"Written": "identity-", "Read": "emailAddress-"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			taken := register(t, store, "ann@example.org")
			first := run(t, store, identity.Consumers(mail(t))[0])
			first.await((*identityv1.Register)(nil), 1)
			first.stop()

			user := register(t, store, "ann@example.org")
			tries := 0
			r := run(t, faulty{Store: store, write: func(ctx context.Context, writes []messagestore.Write) error {
				if tries++; tries > 1 {
					return nil
				}
				for _, w := range writes {
					if strings.HasPrefix(string(w.Stream), string(other)) {
						_, err := store.Write(ctx, w.Stream, messagestore.Any, messagestore.NewMessage{
							ID: uuid.NewString(), Type: "Other", Data: "{}",
							Metadata: contract.Metadata{CausationMessageID: uuid.NewString()}.String(),
						})
						return err
					}
				}
				t.Errorf("no write of %s in %v", other, writes)
				return nil
			}}, identity.Consumers(mail(t))[0])
			r.await((*identityv1.Register)(nil), 1)
			r.stop()
			if tries != 2 {
				t.Errorf("%d tries, want 2", tries)
			}
			if len(r.logged) > 0 {
				t.Errorf("logged %q, want nothing: a conflict is no failure", <-r.logged)
			}
			if got := types(t, store, identityOf(user)); got[len(got)-1] != "RegistrationRejected" {
				t.Errorf("identity: %v, want it rejected", got)
			}
			want(t, "first identity", types(t, store, identityOf(taken)), "Registered")
		})
	}
}

// TestMailOfEach_D11 gives two identities that had one address, as the original
// system allowed, a mail each.
func TestMailOfEach_D11(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, box := people(t)
	users := []string{uuid.NewString(), uuid.NewString()}
	for _, user := range users {
		write(t, store, user, user, &identityv1.Registered{UserId: user, Email: "ann@example.org"})
	}
	r := run(t, store, consumers...)
	r.await((*sendemailv1.Sent)(nil), 2)
	for _, user := range users {
		want(t, user, types(t, store, identityOf(user)), "Registered", "RegistrationEmailSent")
	}
	if mails, _ := box.counts(); mails != 2 {
		t.Errorf("%d mails, want 2", mails)
	}
}

// TestIDOfAnother_D13 registers with an id that somebody has, and with ids that
// are none.
func TestIDOfAnother_D13(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	r := run(t, store, identity.Consumers(mail(t))[0])
	user := register(t, store, "ann@example.org")
	registerAs(t, store, user, "ann@example.org")
	registerAs(t, store, user, "eve@example.org")
	for _, id := range []string{"undefined", "", strings.ToUpper(user)} {
		write(t, store, "undefined", "", &identityv1.Register{UserId: id, Email: "eve@example.org"})
		if text := <-r.logged; text != "message skipped: it cannot be handled" {
			t.Errorf("%q: logged %q", id, text)
		}
	}
	r.await((*identityv1.Register)(nil), 3)
	want(t, "identity", types(t, store, identityOf(user)), "Registered", "RegistrationRejected")
	want(t, "all but commands", types(t, store, messagestore.OfCategories("identity", "emailAddress")),
		"EmailAddressReserved", "Registered", "RegistrationRejected")
}

// TestFailed_D14 has a mail refused for good, and everything delivered twice; and
// it is said once more, as another program might.
func TestFailed_D14(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	box := &postbox{refuse: &components.PermanentError{Cause: errors.New("no such mailbox")}}
	consumers := append(identity.Consumers(mail(t)), sendemail.Consumers(box)...)
	r := run(t, faulty{Store: store, times: 2}, consumers...)
	user := register(t, store, "ann@example.org")
	r.await((*sendemailv1.Failed)(nil), 2)
	want(t, "mail", types(t, store, messagestore.OfCategories("sendEmail")), "SendAttempted", "Failed")
	failed := read(t, store, messagestore.OfCategories("sendEmail"))[1]
	again := messagestore.NewMessage{ID: uuid.NewString(), Type: failed.Type, Data: failed.Data, Metadata: failed.Metadata}
	if _, err := store.Write(t.Context(), failed.Stream, messagestore.Any, again); err != nil {
		t.Fatal(err)
	}
	r.await((*sendemailv1.Failed)(nil), 2)
	identities := read(t, store, identityOf(user))
	last, err := contract.Decode[*identityv1.RegistrationEmailFailed](identities[len(identities)-1])
	if err != nil || len(identities) != 2 || last.GetReason() != "no such mailbox" {
		t.Errorf("identity: %v, %v, want the failure and its reason", identities, err)
	}
}

// TestTemplateChanged delivers Registered to one version of the component and then
// to another, which would write another mail.
func TestTemplateChanged(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	user := uuid.NewString()
	write(t, store, user, user, &identityv1.Registered{UserId: user, Email: "ann@example.org"})
	r := run(t, store, identity.Consumers(mail(t))[1])
	r.await((*identityv1.Registered)(nil), 1)

	changed := mail(t)
	changed.PublicURL = changed.PublicURL.JoinPath("new")
	again := run(t, elsewhere{store}, identity.Consumers(changed)[1])
	again.await((*identityv1.Registered)(nil), 1)
	if text := <-again.logged; text != "handled before, with another outcome" {
		t.Errorf("logged %q", text)
	}
	if err := again.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	want(t, "mails", types(t, store, messagestore.OfCategories("sendEmail:command")), "Send")
}

// elsewhere is a store in which no consumer has kept a position.
type elsewhere struct{ messagestore.Store }

func (elsewhere) Last(context.Context, messagestore.Stream, string) (messagestore.Message, error) {
	return messagestore.Message{}, messagestore.ErrNotFound
}

func (elsewhere) Streams(context.Context, messagestore.ListRequest) (messagestore.StreamPage, error) {
	return messagestore.StreamPage{}, nil
}

// TestOrigin has hundreds of mails of others sent before ours.
func TestOrigin(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, _ := people(t)
	r := run(t, store, consumers[:3]...)
	user := register(t, store, "ann@example.org")
	r.await((*identityv1.Registered)(nil), 1)
	send := read(t, store, messagestore.OfCategories("sendEmail:command"))[0]
	foreign := contract.Metadata{OriginStreamName: messagestore.Stream("other-" + user)}
	var others []messagestore.NewMessage
	for range 300 {
		others = append(others, messagestore.NewMessage{ID: uuid.NewString(), Type: "Sent", Data: send.Data, Metadata: foreign.String()})
	}
	if _, err := store.Write(t.Context(), "sendEmail-others", messagestore.Any, others...); err != nil {
		t.Fatal(err)
	}
	mine := messagestore.NewMessage{ID: uuid.NewString(), Type: "Sent", Data: send.Data, Metadata: send.Metadata}
	if _, err := store.Write(t.Context(), messagestore.Stream("sendEmail-"+send.Stream.ID()), messagestore.Any, mine); err != nil {
		t.Fatal(err)
	}
	r.await((*sendemailv1.Sent)(nil), 1)
	messages := read(t, store, identityOf(user))
	if last := messages[len(messages)-1]; len(messages) != 2 || metadata(t, last).CausationMessageID != mine.ID {
		t.Errorf("identity: %v, want RegistrationEmailSent because of our Sent", messages)
	}
}
