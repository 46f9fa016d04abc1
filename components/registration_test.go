package components_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"videotutorials/components/identity"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// One registration through both components: streams, order and metadata of all messages.
func TestRegistration(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, box := registration(t)
	r := run(t, store, consumers...)
	user := register(t, store, " Ann@Example.org ")
	r.await((*sendemailv1.Sent)(nil), 1)
	r.stop()

	messages := read(t, store, all)
	wantTypes(t, store, all, "Register", "EmailAddressReserved", "Registered", "Send", "SendAttempted", "Sent", "RegistrationEmailSent")
	wantTypes(t, store, identityOf(user), "Registered", "RegistrationEmailSent")
	box.expect(t, 1)
	causes := []int{-1, 0, 0, 2, 3, 3, 5}
	origin := messagestore.Stream("identity-" + user)
	origins := []messagestore.Stream{"", "", "", origin, origin, origin, ""}
	first := metadata(t, messages[0])
	for i, m := range messages {
		got := metadata(t, m)
		wanted := contract.Metadata{TraceID: first.TraceID, UserID: &user, TraceParent: first.TraceParent, OriginStreamName: origins[i]}
		if causes[i] >= 0 {
			cause := messages[causes[i]]
			wanted.CausationMessageID = cause.ID
			wanted.CausationGlobalPosition = cause.GlobalPosition
			wanted.CausationStreamName = cause.Stream
		}
		if got.String() != wanted.String() {
			t.Errorf("%s: metadata %s, want %s", m.Type, got, wanted)
		}
	}
	reserved, err := contract.Decode[*identityv1.EmailAddressReserved](messages[1])
	if err != nil || reserved.GetEmail() != "ann@example.org" || reserved.GetUserId() != user {
		t.Errorf("reserved %v, %v, want ann@example.org for %s", reserved, err, user)
	}
}

func metadata(t *testing.T, m messagestore.Message) contract.Metadata {
	t.Helper()
	parsed, err := contract.ParseMetadata(m.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// If each message is delivered twice, the result is the same as after one delivery.
func TestEveryMessageTwice(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, box := registration(t)
	r := run(t, faulty{Store: store, times: 2}, consumers...)
	const n = 10
	for i := range n {
		user := register(t, store, fmt.Sprintf("user-%d@example.org", i))
		write(t, store, user, user, &identityv1.ConfirmRegistration{UserId: user})
		write(t, store, user, user, &identityv1.GrantAdmin{UserId: user})
	}
	handled := map[string]int{}
	for range 2 * n * 6 {
		handled[running.Receive(t, "a handled message", r.handled).Type]++
	}
	r.stop()
	for _, name := range []string{"Register", "Registered", "Send", "Sent", "ConfirmRegistration", "GrantAdmin"} {
		if handled[name] != 2*n {
			t.Errorf("%s handled %d times, want %d", name, handled[name], 2*n)
		}
	}
	messages := read(t, store, all)
	if len(messages) != n*(7+2*2) {
		t.Errorf("%d messages, want %d", len(messages), n*(7+2*2))
	}
	box.expect(t, n)
}

// Two instances of both components handle each message once.
func TestTwoInstances_D9(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers, box := registration(t)
	const n = 200
	first, second := run(t, store, consumers...), run(t, store, consumers...)
	for i := range n {
		register(t, store, fmt.Sprintf("user-%d@example.org", i))
	}
	first.await((*sendemailv1.Sent)(nil), n)
	second.await((*sendemailv1.Sent)(nil), n)
	first.stop()
	second.stop()
	messages := read(t, store, all)
	for _, m := range []proto.Message{
		(*identityv1.Registered)(nil), (*identityv1.EmailAddressReserved)(nil), (*identityv1.RegistrationEmailSent)(nil),
		(*sendemailv1.Send)(nil), (*sendemailv1.SendAttempted)(nil), (*sendemailv1.Sent)(nil),
	} {
		if got := count(messages, m); got != n {
			t.Errorf("%d %s, want %d", got, contract.Type(m), n)
		}
	}
	box.expect(t, n)
}

// One address in two spellings, registered 200 times at once in two instances, is
// registered once.
func TestOneAddress(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	consumers := identity.Consumers(mail(t))
	const n = 200
	var users []string
	for i := range n {
		users = append(users, register(t, store, []string{"ann@example.org", " ANN@example.org"}[i%2]))
	}
	first, second := run(t, store, consumers...), run(t, store, consumers...)
	first.await((*identityv1.Register)(nil), n)
	second.await((*identityv1.Register)(nil), n)
	first.stop()
	second.stop()
	var registered, rejected int
	for _, user := range users {
		for _, m := range read(t, store, identityOf(user)) {
			switch event, err := contract.Decode[*identityv1.RegistrationRejected](m); {
			case err != nil:
				t.Fatal(err)
			case m.Type == "Registered":
				registered++
			case m.Type == "RegistrationRejected" && event.GetCode() == "EMAIL_TAKEN":
				rejected++
			}
		}
	}
	if registered != 1 || rejected != n-1 {
		t.Errorf("%d Registered, %d EMAIL_TAKEN, want 1 and %d", registered, rejected, n-1)
	}
}
