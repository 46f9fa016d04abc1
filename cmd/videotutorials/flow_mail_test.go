package main

import (
	"net/http"
	"strings"
	"testing"
)

// The mail server is down at first, and rejects one address permanently. A user whose
// mail is not sent can log in.
func TestFlow02_MailServerDown(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.rejected = "refused@example.org"
	s := start(t, newFolder(t), []string{server.setting()})
	admin := s.administrator()
	user := s.register("ann@example.org").text("userId")
	s.until("an attempt has failed", func() bool { return s.attempts(user) == "SendAttempted SendAttemptFailed" })
	s.logIn("ann@example.org", password)
	s.until("the administrator's list has the log-in", func() bool { return s.user(user, admin)["loginCount"] == "1" })
	if sent := s.user(user, admin)["registrationEmailSent"]; sent != false {
		t.Errorf("registrationEmailSent is %v", sent)
	}

	server.up()
	s.until("the mail is sent", func() bool { return s.user(user, admin)["registrationEmailSent"] == true })
	if got, want := s.attempts(user), "SendAttempted SendAttemptFailed SendAttempted Sent"; got != want {
		t.Errorf("the stream of the mail has %s, want %s", got, want)
	}
	if mails := server.taken()[s.mailOf(user)]; len(mails) != 1 || mails[0].to() != "ann@example.org" {
		t.Errorf("%d mails, want one to ann@example.org: %v", len(mails), mails)
	} else if status, answer := s.ask(http.MethodGet, mails[0].link(t)); status != http.StatusOK {
		t.Errorf("the link: %d %s", status, answer)
	}

	rejected := s.register(server.rejected).text("userId")
	s.until("the administrator's list has the failure of the mail", func() bool {
		return strings.Contains(s.user(rejected, admin).text("registrationEmailFailure"), "no such mailbox")
	})
	if got, want := s.attempts(rejected), "SendAttempted Failed"; got != want {
		t.Errorf("the stream of the mail has %s, want %s", got, want)
	}
	if got, want := types(s.read("stream_name = $1", "identity-"+rejected)), "Registered RegistrationEmailFailed"; got != want {
		t.Errorf("the stream of the identity has %s, want %s", got, want)
	}
	s.logIn(server.rejected, password)
}

// attempts returns the types of the events of the user's mail.
func (s *system) attempts(user string) string {
	s.t.Helper()
	return types(s.read("stream_name like 'sendEmail-%' and metadata->>'userId' = $1", user))
}

// mailOf returns the Message-ID of the user's mail.
func (s *system) mailOf(user string) string {
	s.t.Helper()
	asked := s.read("type = 'Send' and metadata->>'userId' = $1", user)
	if len(asked) != 1 {
		s.t.Fatalf("%d Send for user %s", len(asked), user)
	}
	return "<" + asked[0].Data.text("emailId") + "@videotutorials>"
}
