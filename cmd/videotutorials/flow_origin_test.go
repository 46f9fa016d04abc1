package main

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/certificate"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	"videotutorials/messagestore/rpc"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// Mails that others than identities asked for are not the identities' business,
// and hundreds of them hold nobody up.
func TestFlow03_OtherOrigins(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	config, err := certificate.Client(s.data.certs(), "sendemail")
	if err != nil {
		t.Fatal(err)
	}
	store, err := rpc.Dial(exported(t, s, "VT_MESSAGESTORE_ADDR"), config)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // nothing is left to be lost
	const rounds, others = 5, 150
	sent := func(origin string) messagestore.Write {
		email := uuid.NewString()
		data, err := contract.Marshal(&sendemailv1.Sent{EmailId: email, To: "ann@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		m := messagestore.NewMessage{ID: uuid.NewString(), Type: "Sent", Data: data,
			Metadata: contract.Metadata{TraceID: uuid.NewString(), OriginStreamName: messagestore.Stream(origin)}.String()}
		return messagestore.Write{Stream: messagestore.Stream("sendEmail-" + email), Expected: messagestore.Any, Messages: []messagestore.NewMessage{m}}
	}
	var users []string
	for round := range rounds {
		user := s.register(fmt.Sprintf("user-%d@example.org", round)).text("userId")
		users = append(users, user)
		writes := []messagestore.Write{
			// One more for the identity, which has not asked for it.
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
		s.until("ours are answered", func() bool {
			return types(s.read("stream_name = $1", "identity-"+user)) == "Registered RegistrationEmailSent"
		})
	}
	// The last of ours comes after all those of the others but its own round's;
	// one more registration comes after all.
	last := s.register("last@example.org").text("userId")
	s.until("the last is answered", func() bool {
		return types(s.read("stream_name = $1", "identity-"+last)) == "Registered RegistrationEmailSent"
	})
	if n, want := s.count("select count(*) from message_store.messages where stream_name like 'identity-%'"), 2*(rounds+1); n != want {
		t.Errorf("the identities' streams have %d messages, want %d", n, want)
	}
	if n := s.count("select count(*) from message_store.messages where stream_name like 'invoice-%' or stream_name like 'identityx-%'"); n != 0 {
		t.Errorf("%d messages were written to others' streams", n)
	}
}
