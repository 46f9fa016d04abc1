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
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// The suffixes of the tests, as _D1, are the numbers of defects in internal/check/defects.

// Commands that wait together are all handled, although the event of the first is behind
// them in the log.
func TestQueuedCommands_D1(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	user := register(t, store, "ann@example.org")
	write(t, store, user, user, &identityv1.ConfirmRegistration{UserId: user})
	write(t, store, user, user, &identityv1.GrantAdmin{UserId: user})
	r := run(t, store, identity.Consumers(mail(t))[0])
	r.await((*identityv1.GrantAdmin)(nil), 1)
	wantTypes(t, store, identityOf(user), "Registered", "RegistrationConfirmed", "AdminGranted")
}

// While the writes for one user fail, other users proceed; later that user does, too.
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
	for handled := ""; handled != lucky; handled = running.Receive(t, "the lucky user", r.handled).Stream.ID() {
	}
	for range 3 {
		running.Receive(t, "a failure", r.logged)
	}
	if err := r.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "unlucky") {
		t.Errorf("ready while a user's writes fail: %v, want the reason", err)
	}
	close(fine)
	r.await((*identityv1.Register)(nil), 1)
	wantTypes(t, store, identityOf(unlucky), "Registered")
	r.stop()
	if err := r.Ready(t.Context()); err != nil {
		t.Errorf("ready after the writes succeed: %v", err)
	}
}

// An event is seen behind 1,500 others in its stream.
func TestLongStream_D8(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	user := uuid.NewString()
	var many []messagestore.NewMessage
	for range 1500 {
		many = append(many, messagestore.NewMessage{ID: uuid.NewString(), Type: "RegistrationRejected", Data: `{"userId": "` + user + `"}`})
	}
	for chunk := range slices.Chunk(many, 500) {
		writeTo(t, store, messagestore.Stream("identity-"+user), chunk...)
	}
	write(t, store, user, user, &identityv1.Registered{UserId: user, Email: "ann@example.org"})
	write(t, store, user, user, &identityv1.ConfirmRegistration{UserId: user})
	r := run(t, store, identity.Consumers(mail(t))[0])
	r.await((*identityv1.ConfirmRegistration)(nil), 1)
	got := types(t, store, identityOf(user))
	if end := got[len(got)-2:]; !slices.Equal(end, []string{"Registered", "RegistrationConfirmed"}) {
		t.Errorf("the identity ends with %v", end)
	}
}

// A decision is repeated if another writer appends, between the read and the write, to the
// stream that is written, or to the one that is only read.
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
				t.Errorf("logged %q, want nothing: a conflict is not a failure", <-r.logged)
			}
			if got := types(t, store, identityOf(user)); got[len(got)-1] != "RegistrationRejected" {
				t.Errorf("identity: %v, want it rejected", got)
			}
			wantTypes(t, store, identityOf(taken), "Registered")
		})
	}
}

// Two identities with the same address, which the original system allowed, get a mail each.
func TestOneMailPerIdentity_D11(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, box := registration(t)
	users := []string{uuid.NewString(), uuid.NewString()}
	for _, user := range users {
		write(t, store, user, user, &identityv1.Registered{UserId: user, Email: "ann@example.org"})
	}
	r := run(t, store, consumers...)
	r.await((*sendemailv1.Sent)(nil), 2)
	for _, user := range users {
		wantTypes(t, store, identityOf(user), "Registered", "RegistrationEmailSent")
	}
	box.expect(t, 2)
}

// A Register with a taken id is rejected, and one with an invalid id skipped.
func TestTakenAndInvalidIDs_D13(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	r := run(t, store, identity.Consumers(mail(t))[0])
	user := register(t, store, "ann@example.org")
	registerAs(t, store, user, "ann@example.org")
	registerAs(t, store, user, "eve@example.org")
	for _, id := range []string{"undefined", "", strings.ToUpper(user)} {
		write(t, store, "undefined", "", &identityv1.Register{UserId: id, Email: "eve@example.org"})
		if text := running.Receive(t, "a log record", r.logged); text != "message skipped: it cannot be handled" {
			t.Errorf("%q: logged %q", id, text)
		}
	}
	r.await((*identityv1.Register)(nil), 3)
	wantTypes(t, store, identityOf(user), "Registered", "RegistrationRejected")
	wantTypes(t, store, messagestore.OfCategories("identity", "emailAddress"),
		"EmailAddressReserved", "Registered", "RegistrationRejected")
}

// A permanent failure of a mail is recorded once for the user, although every message is
// delivered twice and another program repeats the event.
func TestFailed_D14(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	box := &postbox{err: &components.PermanentError{Cause: errors.New("no such mailbox")}}
	consumers := append(identity.Consumers(mail(t)), sendemail.Consumers(box)...)
	r := run(t, faulty{Store: store, times: 2}, consumers...)
	user := register(t, store, "ann@example.org")
	r.await((*sendemailv1.Failed)(nil), 2)
	wantTypes(t, store, messagestore.OfCategories("sendEmail"), "SendAttempted", "Failed")
	failed := read(t, store, messagestore.OfCategories("sendEmail"))[1]
	again := messagestore.NewMessage{ID: uuid.NewString(), Type: failed.Type, Data: failed.Data, Metadata: failed.Metadata}
	writeTo(t, store, failed.Stream, again)
	r.await((*sendemailv1.Failed)(nil), 2)
	identities := read(t, store, identityOf(user))
	last, err := contract.Decode[*identityv1.RegistrationEmailFailed](identities[len(identities)-1])
	if err != nil || len(identities) != 2 || last.GetReason() != "no such mailbox" {
		t.Errorf("identity: %v, %v, want the failure and its reason", identities, err)
	}
}

// A message that one version of the component has handled is not handled again by another
// version, which would write another mail.
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
	if text := running.Receive(t, "a log record", again.logged); text != "handled before, with another outcome" {
		t.Errorf("logged %q", text)
	}
	if err := again.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	wantTypes(t, store, messagestore.OfCategories("sendEmail:command"), "Send")
}

// A consumer with an Origin handles the answer to its own command behind hundreds of answers
// to commands of others.
func TestOrigin(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, _ := registration(t)
	r := run(t, store, consumers[:3]...)
	user := register(t, store, "ann@example.org")
	r.await((*identityv1.Registered)(nil), 1)
	send := read(t, store, messagestore.OfCategories("sendEmail:command"))[0]
	foreign := contract.Metadata{OriginStreamName: messagestore.Stream("other-" + user)}
	var others []messagestore.NewMessage
	for range 300 {
		others = append(others, messagestore.NewMessage{ID: uuid.NewString(), Type: "Sent", Data: send.Data, Metadata: foreign.String()})
	}
	writeTo(t, store, "sendEmail-others", others...)
	mine := messagestore.NewMessage{ID: uuid.NewString(), Type: "Sent", Data: send.Data, Metadata: send.Metadata}
	writeTo(t, store, messagestore.Stream("sendEmail-"+send.Stream.ID()), mine)
	r.await((*sendemailv1.Sent)(nil), 1)
	messages := read(t, store, identityOf(user))
	if last := messages[len(messages)-1]; len(messages) != 2 || metadata(t, last).CausationMessageID != mine.ID {
		t.Errorf("identity: %v, want RegistrationEmailSent because of our Sent", messages)
	}
}
