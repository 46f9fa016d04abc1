package compatibility_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"videotutorials/aggregators/adminpositions"
	"videotutorials/aggregators/adminusers"
	"videotutorials/aggregators/homepage"
	"videotutorials/aggregators/usercredentials"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

func types(messages []messagestore.Message) (types []string) {
	for _, m := range messages {
		types = append(types, m.Type)
	}
	return types
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestOriginal_Register gives the components a command of the original's application,
// with an unknown key. The original can read all messages written in response.
func TestOriginal_Register(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	mails, box := emails()
	n.run(slices.Concat(identities(t), mails)...)
	user, trace := uuid.NewString(), uuid.NewString()
	n.write("identity:command-"+user, "Register",
		`{"userId":"`+user+`","email":"Ann@Example.org","passwordHash":"$2b$10$original","added":{"later":[1]}}`,
		`{"traceId":"`+trace+`","userId":"`+user+`","added":null}`)
	all := n.await("RegistrationEmailSent", 1, "identity", "sendEmail:command", "sendEmail")
	expect(t, "events and commands", types(all), "Registered", "Send", "SendAttempted", "Sent", "RegistrationEmailSent")
	for _, m := range all {
		if !slices.Contains(beyond, nameOf(m)) {
			expectReadable(t, m)
		}
		if metadata := object(t, m.Metadata); metadata["traceId"] != trace || metadata["userId"] != user {
			t.Errorf("%s has the metadata %s, want those of the command", m.Type, m.Metadata)
		}
	}
	if len(box.mails) != 1 || box.mails[0].GetTo() != "ann@example.org" {
		t.Errorf("mails: %v", box.mails)
	}
}

// TestOriginal_HasDecided starts component identity after the original's has handled a
// Register and skipped another with the same id. The original's Registered names no
// cause and therefore settles all earlier commands; a later one is handled.
func TestOriginal_HasDecided(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	user := uuid.NewString()
	trace := traceOf(user)
	n.write("identity:command-"+user, "Register", registerOf(user, "ann@example.org"), trace)
	n.write("identity:command-"+user, "Register", registerOf(user, "eve@example.org"), traceOf(user))
	n.write("identity-"+user, "Registered", registerOf(user, "ann@example.org"), trace)
	n.write("identity:command-"+user, "ConfirmRegistration", `{"userId":"`+user+`"}`, trace)
	stop := n.run(identities(t)[0])
	all := n.await("RegistrationConfirmed", 1, "identity")
	stop()
	expect(t, "identity", types(all), "Registered", "RegistrationConfirmed")
}

// TestOriginal_HasMailed gives component identity two registrations, for one of which
// the original has already sent the mail.
func TestOriginal_HasMailed(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	mailed, waiting := uuid.NewString(), uuid.NewString()
	trace := traceOf(mailed)
	n.write("identity-"+mailed, "Registered", registerOf(mailed, "ann@example.org"), trace)
	n.write("identity-"+mailed, "RegistrationEmailSent", fmt.Sprintf(`{"userId":%q,"emailId":%q}`, mailed, uuid.NewString()), trace)
	last := n.write("identity-"+waiting, "Registered", registerOf(waiting, "bob@example.org"), traceOf(waiting))
	stop := n.run(identities(t)[1])
	n.await("Send", 1, "sendEmail:command")
	stop()
	position, err := n.store.Last(t.Context(), "subscriberPosition-components:identity", "Read")
	if err != nil || object(t, position.Data)["position"] != float64(last) {
		t.Fatalf("handled up to %s, %v, want %d", position.Data, err, last)
	}
	for m, err := range n.store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfCategories("sendEmail:command")}) {
		if err != nil || object(t, m.Data)["to"] != "bob@example.org" {
			t.Errorf("%s, %v, want a mail to Bob alone", m.Data, err)
		}
	}
}

// TestOriginal_SendEmail lets the original's component send a mail requested by
// component identity. The original's Sent has the data of Send, without from.
func TestOriginal_SendEmail(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	n.run(identities(t)...)
	user := uuid.NewString()
	n.write("identity:command-"+user, "Register", registerOf(user, "ann@example.org"), traceOf(user))
	send := n.await("Send", 1, "sendEmail:command")[0]
	n.write("sendEmail-"+send.Stream.ID(), "Sent", send.Data, send.Metadata)
	all := n.await("RegistrationEmailSent", 1, "identity")
	expect(t, "identity", types(all), "Registered", "RegistrationEmailSent")
	if sent := object(t, all[1].Data); sent["emailId"] != object(t, send.Data)["emailId"] || sent["userId"] != user {
		t.Errorf("RegistrationEmailSent has the data %v for %s", sent, send.Data)
	}
}

// TestOriginal_RequestsMail gives component sendemail the original's commands: it sends
// a mail requested twice once, copies the origin to its events, and skips a mail that
// the original has sent.
func TestOriginal_RequestsMail(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	user := uuid.NewString()
	ann, bob := uuid.NewSHA1(namespace, []byte("ann@example.org")).String(), uuid.NewSHA1(namespace, []byte("bob@example.org")).String()
	origin := originOf(user)
	n.write("sendEmail:command-"+bob, "Send", sendOf(bob, "bob@example.org"), origin)
	n.write("sendEmail-"+bob, "Sent", sendOf(bob, "bob@example.org"), origin)
	for range 2 { // the original repeats Send if Registered is delivered again
		n.write("sendEmail:command-"+ann, "Send", sendOf(ann, "ann@example.org"), origin)
	}
	mails, box := emails()
	stop := n.run(mails...)
	n.await("Sent", 2, "sendEmail")
	stop()
	var answers []string
	for m, err := range n.store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfStream(messagestore.Stream("sendEmail-" + ann))}) {
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, m.Type)
		if object(t, m.Metadata)["originStreamName"] != "identity-"+user {
			t.Errorf("%s has the metadata %s", m.Type, m.Metadata)
		}
	}
	expect(t, "answers", answers, "SendAttempted", "Sent")
	if len(box.mails) != 1 || box.mails[0].GetTo() != "ann@example.org" {
		t.Errorf("mails: %v, want one to Ann", box.mails)
	}
}

// TestOriginal_Position resumes at the position saved by the original's subscription
// with the same id. The original's Read has no metadata and no messageId.
func TestOriginal_Position(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	handled, waiting := uuid.NewString(), uuid.NewString()
	position := n.write("identity:command-"+handled, "Register", registerOf(handled, "ann@example.org"), traceOf(handled))
	n.write("subscriberPosition-components:identity:command", "Read", fmt.Sprintf(`{"position":%d}`, position), "")
	n.write("identity:command-"+waiting, "Register", registerOf(waiting, "bob@example.org"), traceOf(waiting))
	stop := n.run(identities(t)[0])
	n.await("Registered", 1, "identity")
	stop()
	for m, err := range n.store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfCategories("identity")}) {
		if err != nil || m.Stream.ID() != waiting {
			t.Errorf("%s in %s, %v, want nothing of %s", m.Type, m.Stream, err, handled)
		}
	}
}

// TestOriginal_Views gives the aggregators the original's events.
func TestOriginal_Views(t *testing.T) {
	t.Parallel()
	n := node{t, teststore.New(t)}
	user, video := uuid.NewString(), uuid.NewString()
	trace := traceOf(user)
	n.write("viewing-"+video, "VideoViewed", `{"userId":null,"videoId":"`+video+`"}`, traceOf(""))
	n.write("viewing-"+video, "VideoViewed", `{"videoId":"`+video+`"}`, traceOf("")) // JavaScript's undefined
	n.write("viewing-"+video, "VideoViewed", `{"userId":"`+user+`","videoId":"`+video+`"}`, trace)
	n.write("identity:command-"+user, "Register", registerOf(user, "Ann@Example.org"), trace)
	n.write("identity-"+user, "Registered", registerOf(user, "Ann@Example.org"), trace)
	n.write("identity-"+user, "RegistrationEmailSent", `{"userId":"`+user+`","emailId":"`+uuid.NewString()+`"}`, trace)
	n.write("identity-undefined", "Registered", `{"email":"nobody@example.org","passwordHash":"h"}`, traceOf(""))
	n.write("authentication-"+user, "UserLoginFailed", `{"userId":"`+user+`","reason":"Incorrect password"}`, traceOf(""))
	loggedIn := n.write("authentication-"+user, "UserLoggedIn", `{"userId":"`+user+`"}`, trace)
	n.write("subscriberPosition-aggregators:home-page", "Read", `{"position":3}`, "")
	viewed := n.write("viewing-"+video, "VideoViewed", `{"userId":null,"videoId":"`+video+`"}`, traceOf(""))
	mailed := n.write("identity-"+user, "RegistrationEmailSent", `{"userId":"`+user+`","emailId":"`+uuid.NewString()+`"}`, trace)
	read := n.write("subscriberPosition-components:identity", "Read", `{"position":7}`, "")

	found := n.rows([]target{
		{homepage.Aggregator(), viewed}, {usercredentials.Aggregator(), loggedIn}, {adminusers.Aggregator(), mailed}, {adminpositions.Aggregator(), read},
	},
		`select page_data->>'videosWatched' from pages where page_name = 'home'`,
		`select concat_ws(' ', id, email, password_hash, failed_logins) from user_credentials`,
		`select concat_ws(' ', id, email, registration_email_sent, login_count) from admin_users`,
		`select concat_ws(' ', id, position) from admin_subscriber_positions order by id`)
	expect(t, "home page", found[0], "4")
	expect(t, "credentials", found[1], user+" ann@example.org $2b$10$original 0")
	expect(t, "users", found[2], user+" Ann@Example.org t 1")
	expect(t, "positions", found[3], "aggregators:home-page 3", "components:identity 7")
}

// TestOriginals_Contracts checks that each message of the table has a contract with
// the same category and type, stored with the keys that the original reads.
func TestOriginals_Contracts(t *testing.T) {
	t.Parallel()
	for _, k := range originals {
		if got := contract.KindOf(k.contract); got.Category != k.category || got.Type != k.name {
			t.Errorf("the contract of %s is for %v", k.name, got)
		}
		data, err := contract.Marshal(k.contract)
		if err != nil {
			t.Fatal(err)
		}
		stored := messagestore.Message{Stream: k.category.Stream("1"), Type: k.name}
		expectKeys(t, stored, "data", object(t, data), k.data)
	}
}
