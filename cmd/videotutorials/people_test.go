package main

import (
	"net/http"
	"testing"
)

// videotutorials runs another command on the system.
func (s *system) videotutorials(args ...string) {
	s.t.Helper()
	output, err := command(s.data, nil, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, output)
	}
}

// A user registers, confirms the mail, logs in, becomes an administrator and logs out.
// A rebuild does not send another mail.
func TestPeople(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	registered := s.register(" Ann@Example.org ")
	s.until("the registration is done", func() bool {
		_, operation := s.get(registered.text("operation"))
		return operation["done"] == true && operation["userId"] == registered["userId"]
	})
	session := s.logIn("ann@example.org", password)
	if status, answer := s.get("/v1/admin/users", session...); status != http.StatusForbidden {
		t.Errorf("not an administrator: %d %v", status, answer)
	}

	s.until("the mail is written", func() bool { return len(s.mails()) == 1 })
	link := s.mails()[0].link(t)
	if status, answer := s.ask(http.MethodGet, link); status != http.StatusOK {
		t.Errorf("%s: %d %s", link, status, answer)
	}
	s.videotutorials("grant-admin", "ANN@example.org")
	s.until("the administrator's list has a confirmed user", func() bool {
		user := s.user(registered.text("userId"), session)
		return user["confirmed"] == true && user["admin"] == true && user["registrationEmailSent"] == true && user["loginCount"] == "1"
	})
	_, answer := s.get("/v1/admin/messages?traceId="+registered.text("traceId"), session...)
	if messages := answer.list("messages"); len(messages) != 7 {
		t.Errorf("the trace has %d messages, want 7: %v", len(messages), answer)
	}

	before := s.rows("user_credentials")
	s.videotutorials("rebuild", "usercredentials")
	if s.rows("user_credentials") != before {
		t.Error("the rebuilt credentials differ")
	}
	if status, _ := s.send(http.MethodDelete, s.url+"/v1/sessions/current", "", session...); status != http.StatusNoContent {
		t.Errorf("log out: %d", status)
	}
	s.until("the session has ended", func() bool {
		status, _ := s.get("/v1/admin/users", session...)
		return status == http.StatusUnauthorized
	})
	if n := len(s.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}
