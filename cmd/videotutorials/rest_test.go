package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// answerTime bounds one request. Requests wait for each other's password hashes.
const answerTime = 20 * time.Second

// ask returns the status and the body of the answer, or 0 without an answer. header
// has names and values in turn.
func (s *system) ask(method, url string, header ...string) (int, []byte) {
	return s.send(method, url, "", header...)
}

// send is ask with a body.
func (s *system) send(method, url, body string, header ...string) (int, []byte) {
	status, answer, _ := s.exchange(method, url, body, header...)
	return status, answer
}

// exchange is send that also returns the header of the answer.
func (s *system) exchange(method, url, body string, header ...string) (int, []byte, http.Header) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, nil
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, nil
	}
	return response.StatusCode, answer, response.Header
}

// post sends JSON and returns the status and the fields of the answer.
func (s *system) post(path, body string, header ...string) (int, object) {
	status, answer := s.send(http.MethodPost, s.url+path, body, header...)
	return status, fields(answer)
}

// get returns the status and the fields of the answer.
func (s *system) get(path string, header ...string) (int, object) {
	status, answer := s.ask(http.MethodGet, s.url+path, header...)
	return status, fields(answer)
}

// An object is a JSON object.
type object map[string]any

// fields parses an object, and returns nil if the answer is something else.
func fields(answer []byte) object {
	var o object
	_ = json.Unmarshal(answer, &o)
	return o
}

// text returns the value of the key as text.
func (o object) text(key string) string { return fmt.Sprint(o[key]) }

// object returns the value of the key if it is an object.
func (o object) object(key string) object {
	value, _ := o[key].(map[string]any)
	return value
}

// list returns the value of the key if it is a list of objects.
func (o object) list(key string) (list []object) {
	values, _ := o[key].([]any)
	for _, value := range values {
		o, _ := value.(map[string]any)
		list = append(list, o)
	}
	return list
}

// violations returns the invalid fields that an error names.
func (o object) violations() (named []string) {
	for _, detail := range o.list("details") {
		for _, violation := range detail.list("fieldViolations") {
			named = append(named, violation.text("field"))
		}
	}
	return named
}

// view posts a viewing until it is accepted, with one idempotency key, since an
// unanswered viewing may be stored.
func (s *system) view() {
	s.t.Helper()
	key := uuid.NewString()
	s.until("a viewing is accepted", func() bool {
		status, _ := s.ask(http.MethodPost, s.viewing, "Idempotency-Key", key)
		return status == http.StatusAccepted
	})
}

// shows waits until the home page shows the number of viewings.
func (s *system) shows(viewings string) {
	s.t.Helper()
	s.until("the home page shows "+viewings, func() bool {
		status, body := s.ask(http.MethodGet, s.home)
		return status == http.StatusOK && fields(body).text("videosWatched") == viewings
	})
}

// password is the password of all registered users.
const password = "correct horse"

// register registers a user with the address and returns the answer.
func (s *system) register(email string) object {
	s.t.Helper()
	status, answer := s.post("/v1/users", registration(email))
	if status != http.StatusAccepted {
		s.t.Fatalf("register %s: %d %v", email, status, answer)
	}
	return answer
}

// registration returns the body of a registration or a log-in.
func registration(email string) string {
	return fmt.Sprintf(`{"email": %q, "password": %q}`, email, password)
}

// logIn returns the header of a session. It waits for the credentials first, since
// failures would lock the user out.
func (s *system) logIn(email, password string) []string {
	s.t.Helper()
	s.until(email+" has credentials", func() bool {
		return s.countView("select count(*) from user_credentials where email = $1", email) == 1
	})
	var header []string
	s.until(email+" can log in", func() bool {
		status, answer := s.post("/v1/sessions", fmt.Sprintf(`{"email": %q, "password": %q}`, email, password))
		if status == http.StatusUnauthorized {
			s.t.Fatalf("log in %s: %v", email, answer)
		}
		header = []string{"Authorization", "Bearer " + answer.text("token")}
		return status == http.StatusCreated
	})
	return header
}

// administrator registers an administrator, and returns the header of the session.
func (s *system) administrator() []string {
	s.t.Helper()
	const email = "admin@example.org"
	s.register(email)
	session := s.logIn(email, password)
	s.videotutorials("grant-admin", email)
	s.until(email+" is an administrator", func() bool {
		status, _ := s.get("/v1/admin/users", session...)
		return status == http.StatusOK
	})
	return session
}

// user returns the row of the user in the administrator's list.
func (s *system) user(id string, session []string) object {
	s.t.Helper()
	_, answer := s.get("/v1/admin/users/"+id, session...)
	return answer.object("user")
}

// all returns the rows of all pages of the list with the key.
func (s *system) all(path, key string, session []string) (rows []object) {
	s.t.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for token := ""; ; {
		status, answer := s.get(path+separator+"pageSize=7&pageToken="+token, session...)
		if status != http.StatusOK {
			s.t.Fatalf("%s: %d %v", path, status, answer)
		}
		rows = append(rows, answer.list(key)...)
		if token = answer.text("nextPageToken"); token == "" {
			return rows
		}
	}
}
