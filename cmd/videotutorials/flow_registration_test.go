package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A registration has its messages, its mail with a link, credentials, and a row in the
// administrator's list.
func TestFlow02_Registration(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	admin := s.administrator()
	status, body, header := s.exchange(http.MethodPost, s.url+"/v1/users", registration(" Ann@Example.org "))
	ann := fields(body)
	if status != http.StatusAccepted || header.Get("X-Trace-Id") != ann.text("traceId") {
		t.Fatalf("%d %s, trace %s", status, body, header.Get("X-Trace-Id"))
	}
	user, trace := ann.text("userId"), ann.text("traceId")
	if want := "/v1/registrations/" + trace; ann.text("operation") != want {
		t.Errorf("operation %s, want %s", ann.text("operation"), want)
	}
	s.until("the registration is done", func() bool {
		_, operation := s.get(ann.text("operation"))
		return operation["done"] == true && operation["userId"] == user && operation["error"] == nil
	})
	s.until("its trace has 7 messages", func() bool { return len(s.trace(trace)) >= 7 })
	mail := s.checkTrace(user, trace)

	mails := s.mailsTo("ann@example.org")
	if len(mails) != 1 || mails[0].id() != "<"+mail+"@videotutorials>" {
		t.Fatalf("%d mails, want one of %s: %v", len(mails), mail, mails)
	}
	s.logIn("ann@example.org", password)
	s.until("the administrator's list has the mail as sent", func() bool {
		u := s.user(user, admin)
		return u["registrationEmailSent"] == true && u["confirmed"] == false && u["loginCount"] == "1" && u["email"] == "ann@example.org"
	})
	link := mails[0].link(t)
	if status, answer := s.ask(http.MethodGet, strings.Replace(link, "token=", "token=x", 1)); status/100 != 4 {
		t.Errorf("a link with a wrong signature: %d %s", status, answer)
	}
	for range 2 {
		if status, answer := s.ask(http.MethodGet, link); status != http.StatusOK || fields(answer).text("userId") != user {
			t.Errorf("%s: %d %s", link, status, answer)
		}
	}
	s.until("the administrator's list has the user as confirmed", func() bool { return s.user(user, admin)["confirmed"] == true })
	if got := types(s.read("stream_name = $1", "identity-"+user)); got != "Registered RegistrationEmailSent RegistrationConfirmed" {
		t.Errorf("the stream of the identity has %s", got)
	}
	if n := s.countView("select count(*) from user_credentials where id = $1 and email = 'ann@example.org'", user); n != 1 {
		t.Errorf("%d credentials, want 1", n)
	}
}

// checkTrace checks the messages of a registration, and returns the id of its mail.
func (s *system) checkTrace(user, trace string) (mail string) {
	s.t.Helper()
	messages := s.trace(trace)
	mail = s.read("metadata->>'traceId' = $1 and type = 'Send'", trace)[0].Data.text("emailId")
	reserved := s.read("metadata->>'traceId' = $1 and type = 'EmailAddressReserved'", trace)[0]
	want := []string{
		"identity:command-" + user + " Register",
		reserved.StreamName + " EmailAddressReserved",
		"identity-" + user + " Registered",
		"sendEmail:command-" + mail + " Send",
		"sendEmail-" + mail + " SendAttempted",
		"sendEmail-" + mail + " Sent",
		"identity-" + user + " RegistrationEmailSent",
	}
	var got []string
	for _, m := range messages {
		got = append(got, m.String())
		if m.Metadata.text("userId") != user {
			s.t.Errorf("%s: acting user %v, want %s", m, m.Metadata["userId"], user)
		}
		origin, asked := m.Metadata["originStreamName"]
		if asked != (strings.HasPrefix(m.StreamName, "sendEmail")) || asked && origin != "identity-"+user {
			s.t.Errorf("%s: origin %v", m, origin)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("messages\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return mail
}

// mailsTo returns the mails to the address.
func (s *system) mailsTo(email string) []receivedMail {
	s.t.Helper()
	return slices.DeleteFunc(s.mails(), func(l receivedMail) bool { return l.to() != email })
}

// Invalid forms are rejected with the names of the invalid fields.
func TestFlow02_Refused(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	s.register("taken@example.org")
	s.logIn("taken@example.org", password)
	before := s.count("select count(*) from message_store.messages where stream_name like 'identity%'")
	long := strings.Repeat("é", 37) // 74 bytes in 37 characters
	for name, form := range map[string]struct {
		email, password string
		fields          []string
	}{
		"BadEmail":          {"ann", password, []string{"email"}},
		"NoEmail":           {"", password, []string{"email"}},
		"ShortPassword":     {"ann@example.org", "1234567", []string{"password"}},
		"LongPassword":      {"ann@example.org", strings.Repeat("p", 73), []string{"password"}},
		"LongPasswordBytes": {"ann@example.org", long, []string{"password"}},
		"Both":              {"ann", "short", []string{"email", "password"}},
		"Taken":             {" TAKEN@example.org", password, []string{"email"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := s.post("/v1/users", fmt.Sprintf(`{"email": %q, "password": %q}`, form.email, form.password))
			if named := answer.violations(); status != http.StatusBadRequest || !slices.Equal(named, form.fields) {
				t.Errorf("%d %v: fields %v, want 400 and %v", status, answer, named, form.fields)
			}
		})
	}
	if now := s.count("select count(*) from message_store.messages where stream_name like 'identity%'"); now > before+1 { // the event of the mail may have been written
		t.Errorf("%d messages of identities, %d before the rejected forms", now, before)
	}
}

// A repeated form with a user id or an idempotency key is one registration.
func TestFlow02_SameFormTwice(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	t.Run("UserID", func(t *testing.T) {
		user := uuid.NewString()
		form := fmt.Sprintf(`{"email": "one@example.org", "password": %q, "userId": %q}`, password, user)
		answers := s.twice("one@example.org", form)
		for _, a := range answers {
			if taken := a.violations(); a.text("userId") != user && !slices.Contains(taken, "userId") {
				t.Errorf("answer %v, want the user's id or a violation of userId", a)
			}
		}
		s.checkOne(t, user, "one@example.org")
	})
	t.Run("IdempotencyKey", func(t *testing.T) {
		answers := s.twice("two@example.org", registration("two@example.org"), "Idempotency-Key", uuid.NewString())
		first := answers[0]
		for _, a := range answers {
			if a.text("userId") != first.text("userId") || a.text("traceId") != first.text("traceId") || a["operation"] == nil {
				t.Errorf("answer %v, want the first answer %v", a, first)
			}
		}
		s.checkOne(t, first.text("userId"), "two@example.org")
	})
}

// twice posts the form twice concurrently, and a third time when the user has credentials.
func (s *system) twice(email, form string, header ...string) []object {
	s.t.Helper()
	answers := make(chan object, 2)
	for range 2 {
		go func() {
			_, answer := s.post("/v1/users", form, header...)
			answers <- answer
		}()
	}
	all := []object{<-answers, <-answers}
	s.until("there are credentials", func() bool {
		return s.countView("select count(*) from user_credentials where email = $1", email) == 1
	})
	_, third := s.post("/v1/users", form, header...)
	return append(all, third)
}

// checkOne checks that the user has one registration and one mail.
func (s *system) checkOne(t *testing.T, user, email string) {
	t.Helper()
	s.until("the mail is sent", func() bool {
		return strings.HasSuffix(types(s.read("stream_name = $1", "identity-"+user)), "RegistrationEmailSent")
	})
	if got := types(s.read("stream_name = $1", "identity-"+user)); got != "Registered RegistrationEmailSent" {
		t.Errorf("the stream of the identity has %s", got)
	}
	if n := len(s.mailsTo(email)); n != 1 {
		t.Errorf("%d mails to %s, want 1", n, email)
	}
}
