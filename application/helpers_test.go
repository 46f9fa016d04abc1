package application

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"videotutorials/application/call"
	"videotutorials/application/session"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"
)

const (
	aKey   = "5a0f9f2c-6d57-4b8e-9a9c-2f6f3c1d7e10"
	aVideo = "7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
	aUser  = "c0ffee00-0000-4000-8000-000000000001"

	anEmail   = "ann@example.com"
	aPassword = "correct horse"
)

// addUser inserts a user into View Data, as the aggregators do.
func addUser(t testing.TB, url, email string, admin bool) (id string) {
	t.Helper()
	return addUserAt(t, bcrypt.MinCost, url, email, admin)
}

func addUserAt(t testing.TB, cost int, url, email string, admin bool) (id string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(aPassword), cost)
	if err != nil {
		t.Fatal(err)
	}
	id = uuid.NewString()
	insert(t, url, "insert into user_credentials (id, email, password_hash, admin) values ($1, $2, $3, $4)", id, email, string(hash), admin)
	return id
}

func insert(t testing.TB, url, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// logIn calls LogIn.
func (a *api) logIn(t testing.TB, email, password string, headers ...string) answered {
	t.Helper()
	return a.call(t, http.MethodPost, "/v1/sessions", jsonOf(t, map[string]string{"email": email, "password": password}), headers...)
}

// register calls RegisterUser, with alternating names and values of fields.
func (a *api) register(t testing.TB, headers []string, fields ...string) answered {
	t.Helper()
	body := map[string]string{}
	for i := 0; i+1 < len(fields); i += 2 {
		body[fields[i]] = fields[i+1]
	}
	return a.call(t, http.MethodPost, "/v1/users", jsonOf(t, body), headers...)
}

// session returns the headers of a new session of the user.
func (a *api) session(t testing.TB, user string) []string {
	t.Helper()
	return bearer(session.Tokens{Secret: aSecret(t)}.Sign(call.Session{ID: uuid.New(), User: uuid.MustParse(user)}, time.Now().Add(time.Hour)))
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func jsonOf(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decode reads the JSON of a body.
func decode[T any](t testing.TB, body string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Errorf("%q: %v", body, err)
	}
	return value
}
