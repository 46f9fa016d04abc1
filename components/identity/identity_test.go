package identity

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"videotutorials/components"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

const (
	user  = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	email = "ann@example.org"
)

// expect compares the messages that a decision emits.
func expect(t *testing.T, got []components.Emit, want ...proto.Message) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("emits %v, want %v", got, want)
	}
	for i := range want {
		if !proto.Equal(got[i].Message(), want[i]) {
			t.Errorf("emits %v, want %v", got[i].Message(), want[i])
		}
	}
}

func TestIdentity_Register(t *testing.T) {
	t.Parallel()
	registered := identity{id: user, email: email, registered: true, reservedFor: user}
	reserved := &identityv1.EmailAddressReserved{UserId: user, Email: email}
	event := &identityv1.Registered{UserId: user, Email: email, PasswordHash: "hash"}
	for name, test := range map[string]struct {
		identity identity
		email    string
		want     []proto.Message
	}{
		"New":                       {identity{}, email, []proto.Message{reserved, event}},
		"NewNotNormalized":          {identity{}, "  Ann@Example.ORG\t", []proto.Message{reserved, event}},
		"AddressReservedForAnother": {identity{reservedFor: "another"}, email, []proto.Message{&identityv1.RegistrationRejected{UserId: user, Email: email, Code: "EMAIL_TAKEN", Reason: "ann@example.org is registered already"}}},
		"AddressReservedForUser":    {identity{reservedFor: user}, email, []proto.Message{reserved, event}},
		"Again":                     {registered, email, nil},
		"AgainNotNormalized":        {registered, "ANN@example.org ", nil},
		"IDTaken_D13":               {registered, "eve@example.org", []proto.Message{&identityv1.RegistrationRejected{UserId: user, Email: "eve@example.org", Code: "USER_ID_TAKEN", Reason: "there is a user with this id already"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := &identityv1.Register{UserId: user, Email: test.email, PasswordHash: "hash"}
			expect(t, test.identity.register(command, components.Cause{}), test.want...)
		})
	}
}

func TestIdentity_ConfirmAndGrantAdmin(t *testing.T) {
	t.Parallel()
	registered := identity{id: user, registered: true}
	confirmed, admin := registered, registered
	confirmed.confirmed, admin.admin = true, true
	confirm, grant := &identityv1.ConfirmRegistration{UserId: user}, &identityv1.GrantAdmin{UserId: user}
	by := func(writer messagestore.Principal) components.Cause {
		return components.Cause{Message: messagestore.Message{Writer: writer}}
	}
	for _, writer := range []messagestore.Principal{application, operator, messagestore.Anonymous} {
		expect(t, registered.confirm(confirm, by(writer)), &identityv1.RegistrationConfirmed{UserId: user})
		expect(t, confirmed.confirm(confirm, by(writer)))
		expect(t, identity{}.confirm(confirm, by(writer)))
		expect(t, registered.grantAdmin(grant, by(writer)), &identityv1.AdminGranted{UserId: user})
		expect(t, admin.grantAdmin(grant, by(writer)))
		expect(t, identity{}.grantAdmin(grant, by(writer)))
	}
	expect(t, registered.confirm(confirm, by("spiffe://videotutorials/component/sendemail")))
	expect(t, registered.grantAdmin(grant, by("spiffe://videotutorials/aggregators")))
}

func TestIdentity_MailSentAndFailed(t *testing.T) {
	t.Parallel()
	id := mailID(user)
	waiting := identity{id: user, registered: true}
	mailed := waiting
	mailed.mailed = true
	none := components.Cause{}
	sent, failed := &sendemailv1.Sent{EmailId: id}, &sendemailv1.Failed{EmailId: id, Reason: "why"}
	expect(t, waiting.mailSent(sent, none), &identityv1.RegistrationEmailSent{UserId: user, EmailId: id})
	expect(t, waiting.mailFailed(failed, none), &identityv1.RegistrationEmailFailed{UserId: user, EmailId: id, Reason: "why"})
	for name, i := range map[string]identity{"Mailed": mailed, "Unknown": {}} {
		t.Log(name)
		expect(t, i.mailSent(sent, none))
		expect(t, i.mailFailed(failed, none))
	}
	expect(t, waiting.mailSent(&sendemailv1.Sent{EmailId: "other"}, none))
}

// TestMail_Send verifies the link in the mail as the application does.
func TestMail_Send(t *testing.T) {
	t.Parallel()
	secret, err := token.NewSecret(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	public, err := url.Parse("https://public.test/base/")
	if err != nil {
		t.Fatal(err)
	}
	mail := Mail{PublicURL: public, Secret: secret}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cause := components.Cause{Message: messagestore.Message{Time: at}}
	registered := &identityv1.Registered{UserId: user, Email: email}
	expect(t, mail.send(identity{mailed: true}, registered, cause))
	emits := mail.send(identity{}, registered, cause)
	again := mail.send(identity{}, registered, cause)
	expect(t, again, emits[0].Message())
	send, ok := emits[0].Message().(*sendemailv1.Send)
	if !ok || send.GetTo() != email || send.GetEmailId() != mailID(user) || emits[0].Stream() != messagestore.Stream("sendEmail:command-"+mailID(user)) {
		t.Fatalf("emits %v to %s", send, emits[0].Stream())
	}
	_, rest, _ := strings.Cut(send.GetText(), "https://")
	line, _, _ := strings.Cut(rest, "\n")
	link, err := url.Parse("https://" + line)
	if err != nil || link.Path != "/base/v1/users/"+user+":confirm" {
		t.Fatalf("link %v, %v", link, err)
	}
	if !strings.Contains(send.GetHtml(), `href="`+link.String()+`"`) {
		t.Errorf("HTML lacks the link %s:\n%s", link, send.GetHtml())
	}
	signed := link.Query().Get("token")
	for _, test := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {7*24*time.Hour - time.Second, nil}, {7 * 24 * time.Hour, token.ErrExpired}} {
		if subject, err := secret.Verify(token.ConfirmRegistration, signed, at.Add(test.after)); err != test.want || err == nil && subject != user { //nolint:errorlint // the sentinel itself is returned
			t.Errorf("after %v: %q, %v, want %v", test.after, subject, err, test.want)
		}
	}
}

// TestMailID_D11 checks that the derivation of ids has not changed, and that each
// identity has its own mail.
func TestMailID_D11(t *testing.T) {
	t.Parallel()
	const want = "dd1a9919-ddc5-50af-906d-fc464235b750"
	if got := mailID(user); got != want {
		t.Errorf("mail %s, want %s", got, want)
	}
	if mailID(user) == mailID("5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2c") {
		t.Error("two identities have the same mail")
	}
}

func TestAddressID(t *testing.T) {
	t.Parallel()
	const want = "438c4c7afe600cdf1e455c369bec76dc970fc8ca463447c7b387a347f3c79331" // printf ann@example.org | sha256sum
	if got := addressID(" Ann@example.org"); got != want {
		t.Errorf("address %s, want %s", got, want)
	}
}
