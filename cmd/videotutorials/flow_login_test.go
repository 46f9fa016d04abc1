package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A user logs in and out. A wrong password, an unknown address and a missing session
// are rejected.
func TestFlow04_LogIn(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	admin := s.administrator()
	user := s.register("ann@example.org").text("userId")
	s.logIn("ann@example.org", password) // waits for the credentials

	t.Run("Good", func(t *testing.T) {
		status, body, header := s.exchange(http.MethodPost, s.url+"/v1/sessions", registration(" ANN@example.org"))
		if status != http.StatusCreated || fields(body).text("userId") != user {
			t.Fatalf("%d %s", status, body)
		}
		cookie := header.Get("Set-Cookie")
		for _, part := range []string{"vt_session=", "HttpOnly", "SameSite=Lax"} {
			if !strings.Contains(cookie, part) {
				t.Errorf("cookie %q lacks %s", cookie, part)
			}
		}
		events := s.trace(header.Get("X-Trace-Id"))
		if len(events) != 1 || events[0].String() != "authentication-"+user+" UserLoggedIn" ||
			events[0].Data.text("userId") != user || events[0].Metadata.text("userId") != user {
			t.Errorf("messages %+v, want one UserLoggedIn", events)
		}
		s.until("the administrator's list has both log-ins", func() bool { return s.user(user, admin)["loginCount"] == "2" })
	})
	t.Run("Refused", func(t *testing.T) { s.checkRefusedLogIns(t, user) })
	t.Run("LogOut", func(t *testing.T) { s.checkLogOut(t, user) })
	t.Run("NoSession", func(t *testing.T) { s.checkNoSession(t) })
}

// checkRefusedLogIns tries a wrong password and an unknown address: the answers are
// equal, and only the wrong password writes a message.
func (s *system) checkRefusedLogIns(t *testing.T, user string) {
	t.Helper()
	var bodies [2][]byte
	for i, email := range []string{"ann@example.org", "nobody@example.org"} {
		status, body, header := s.exchange(http.MethodPost, s.url+"/v1/sessions", fmt.Sprintf(`{"email": %q, "password": "wrong horse"}`, email))
		if status != http.StatusUnauthorized || header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", email, status, body)
		}
		trace := header.Get("X-Trace-Id")
		bodies[i] = bytes.ReplaceAll(body, []byte(trace), nil)
		events := s.trace(trace)
		if email == "nobody@example.org" {
			if len(events) != 0 {
				t.Errorf("an unknown address has written %+v", events)
			}
			continue
		}
		if len(events) != 1 || events[0].String() != "authentication-"+user+" UserLoginFailed" {
			t.Fatalf("messages %+v, want one UserLoginFailed", events)
		}
		actor, output := events[0].Metadata["userId"]
		if data := events[0].Data; data.text("userId") != user || data.text("reason") != "incorrect password" || !output || actor != nil {
			t.Errorf("UserLoginFailed %v, acting user %v, want null", data, actor)
		}
	}
	if !bytes.Equal(bodies[0], bodies[1]) {
		t.Errorf("the answer to a wrong password is\n%s\nto an unknown address\n%s", bodies[0], bodies[1])
	}
	if n := s.count("select count(*) from message_store.messages where data::text || metadata::text like '%nobody@%'"); n != 0 {
		t.Errorf("%d messages name the unknown address", n)
	}
}

// checkLogOut ends a session: its token and its cookie are rejected afterwards.
func (s *system) checkLogOut(t *testing.T, user string) {
	t.Helper()
	_, body, header := s.exchange(http.MethodPost, s.url+"/v1/sessions", registration("ann@example.org"))
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	current := s.url + "/v1/sessions/current"
	for _, session := range [][]string{{"Authorization", "Bearer " + fields(body).text("token")}, {"Cookie", cookie}} {
		if status, _ := s.get("/v1/admin/users", session...); status != http.StatusForbidden {
			t.Errorf("%s: a user without the role gets %d, want 403", session[0], status)
		}
	}
	status, _, header := s.exchange(http.MethodDelete, current, "", "Cookie", cookie)
	if status != http.StatusNoContent {
		t.Errorf("log out: %d", status)
	}
	events := s.trace(header.Get("X-Trace-Id"))
	if len(events) != 1 || events[0].String() != "authentication-"+user+" UserLoggedOut" {
		t.Errorf("messages %+v, want one UserLoggedOut", events)
	}
	for _, session := range [][]string{{"Authorization", "Bearer " + fields(body).text("token")}, {"Cookie", cookie}} {
		s.until("the session has ended for "+session[0], func() bool {
			status, _ := s.get("/v1/admin/users", session...)
			return status == http.StatusUnauthorized
		})
	}
}

// guarded are the calls that need a session.
var guarded = []string{
	"GET /v1/admin/users", "GET /v1/admin/users/" + uuid.Nil.String(),
	"GET /v1/admin/messages", "GET /v1/admin/messages/" + uuid.Nil.String(),
	"GET /v1/admin/streams", "GET /v1/admin/categories", "GET /v1/admin/types", "GET /v1/admin/subscriber-positions",
	"DELETE /v1/sessions/current",
}

func (s *system) checkNoSession(t *testing.T) {
	t.Helper()
	for _, call := range guarded {
		method, path, _ := strings.Cut(call, " ")
		for _, header := range [][]string{nil, {"Authorization", "Bearer invalid.token.signature"}, {"Cookie", "vt_session=invalid.token.signature"}} {
			if status, body := s.ask(method, s.url+path, header...); status != http.StatusUnauthorized {
				t.Errorf("%s with %v: %d %s, want 401", call, header, status, body)
			}
		}
	}
}
