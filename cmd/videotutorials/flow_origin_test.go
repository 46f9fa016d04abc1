package main

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// The component identity ignores mails of other origins, and hundreds of them do not
// delay its own.
func TestFlow03_OtherOrigins(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	store := s.store("sendemail")
	const rounds, others = 5, 150
	sent := func(origin string) messagestore.Write {
		email := uuid.NewString()
		return s.newWrite("sendEmail-"+email, &sendemailv1.Sent{EmailId: email, To: "ann@example.org"},
			contract.Metadata{OriginStreamName: messagestore.Stream(origin)})
	}
	var users []string
	for round := range rounds {
		user := s.register(fmt.Sprintf("user-%d@example.org", round)).text("userId")
		users = append(users, user)
		writes := []messagestore.Write{
			// Another Sent for the identity, which it did not request.
			sent("identity-" + user),
			sent("identity-" + uuid.NewString()), sent("identity:command-" + user), sent("identityx-" + user),
		}
		for range others {
			writes = append(writes, sent("invoice-"+user))
		}
		if _, err := store.WriteBatch(t.Context(), writes...); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range users {
		s.until("the mails of the users are recorded", func() bool {
			return types(s.read("stream_name = $1", "identity-"+user)) == "Registered RegistrationEmailSent"
		})
	}
	// Only a further registration is written after the mails of the last round.
	last := s.register("last@example.org").text("userId")
	s.until("the last mail is recorded", func() bool {
		return types(s.read("stream_name = $1", "identity-"+last)) == "Registered RegistrationEmailSent"
	})
	if n, want := s.count("select count(*) from message_store.messages where stream_name like 'identity-%'"), 2*(rounds+1); n != want {
		t.Errorf("the identities' streams have %d messages, want %d", n, want)
	}
	if n := s.count("select count(*) from message_store.messages where stream_name like 'invoice-%' or stream_name like 'identityx-%'"); n != 0 {
		t.Errorf("%d messages were written to streams of other origins", n)
	}
}
