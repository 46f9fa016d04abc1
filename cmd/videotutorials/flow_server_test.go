package main

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A real mail server accepts the mails, plain and encrypted, and its rejections end an
// attempt.
func TestFlow02_RealMailServer(t *testing.T) {
	t.Parallel()
	server := newExim(t)
	s := start(t, newFolder(t), nil, "-only", "messagestore,aggregators,application")
	s.components("identity")

	sender := s.components("sendemail", append(server.plain(), "VT_MAIL_FROM=videos@example.org")...)
	s.checkDelivered(t, server, "ann@example.org")
	t.Run("Refused", func(t *testing.T) {
		user := s.register("ann@elsewhere.example").text("userId")
		s.until("the registration has the failure of the mail", func() bool {
			return types(s.read("stream_name = $1", "identity-"+user)) == "Registered RegistrationEmailFailed"
		})
		failed := s.read("type = 'Failed' and metadata->>'userId' = $1", user)
		if len(failed) != 1 || !strings.Contains(failed[0].Data.text("reason"), "no such user") {
			t.Errorf("Failed %v, want the server's reason", failed)
		}
	})
	sender.kill()

	t.Run("WrongPassword", func(*testing.T) {
		sender := s.components("sendemail", server.encrypted("wrong")...)
		defer sender.kill()
		user := s.register("cem@example.org").text("userId")
		s.until("an attempt has failed", func() bool { return strings.HasPrefix(s.attempts(user), "SendAttempted SendAttemptFailed") })
	})
	t.Run("Encrypted", func(t *testing.T) {
		s.components("sendemail", append(server.encrypted(server.Password), "VT_MAIL_FROM=videos@example.org")...)
		s.checkDelivered(t, server, "bob@example.org")
		s.checkDelivered(t, server, "cem@example.org")
	})
}

// checkDelivered registers the address unless it is registered, and checks that the
// server delivers one mail, the link of which confirms the registration.
func (s *system) checkDelivered(t *testing.T, server *exim, email string) {
	t.Helper()
	registered := s.read("type = 'Registered' and data->>'email' = $1", email)
	if len(registered) == 0 {
		s.register(email)
	}
	var mails []receivedMail
	s.until("the mail to "+email+" is delivered", func() bool {
		mails = slices.DeleteFunc(s.mailsIn(filepath.Join(server.Folder, "mail", "new", "*")), func(l receivedMail) bool { return l.to() != email })
		return len(mails) > 0
	})
	if len(mails) != 1 || mails[0].header.Get("From") != "<videos@example.org>" || mails[0].header.Get("Subject") == "" {
		t.Errorf("delivered %v, want one mail from videos@example.org", mails)
	}
	link := mails[0].link(t)
	if status, answer := s.ask(http.MethodGet, link); status != http.StatusOK {
		t.Errorf("%s: %d %s", link, status, answer)
	}
	s.until(email+" is confirmed", func() bool {
		return s.countView("select count(*) from admin_users where email = $1 and confirmed and registration_email_sent", email) == 1
	})
}
