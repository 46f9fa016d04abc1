package application

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"videotutorials/internal/token"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

type receipt struct{ UserID, TraceID, Operation string }

func TestRegisterUser_D21(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	got := a.register(t, nil, "email", " Ann@Example.com ", "password", aPassword)
	// D21: it is not a redirect.
	if got.status != http.StatusAccepted || got.header.Get("Location") != "" {
		t.Fatalf("answer is %d %s", got.status, got.body)
	}
	answer := decode[receipt](t, got.body)
	if uuid.Validate(answer.UserID) != nil || answer.TraceID != got.header.Get("X-Trace-Id") || answer.Operation != "/v1/registrations/"+answer.TraceID {
		t.Errorf("answer is %+v", answer)
	}
	all := stored(t, a.store)
	if len(all) != 1 || all[0].Type != "Register" || string(all[0].Stream) != "identity:command-"+answer.UserID {
		t.Fatalf("stored: %v", all)
	}
	if want := `{"userId": "` + answer.UserID + `", "traceId": "` + answer.TraceID + `"}`; all[0].Metadata != want {
		t.Errorf("metadata is %s, want %s", all[0].Metadata, want)
	}
	register, err := contract.Decode[*identityv1.Register](all[0])
	// D18: the address is normalised.
	if err != nil || register.GetUserId() != answer.UserID || register.GetEmail() != anEmail {
		t.Errorf("stored is %v, %v", register, err)
	}
	if err := bcrypt.CompareHashAndPassword([]byte(register.GetPasswordHash()), []byte(aPassword)); err != nil {
		t.Errorf("hash: %v", err)
	}
	for _, secret := range []string{aPassword, register.GetPasswordHash(), anEmail} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, a.log)
		}
	}
}

// D13 and D16: ids are UUIDs, and errors name the fields.
func TestRegisterUser_D13(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	taken := addUser(t, a.viewURL, "taken@example.com", false)
	const secret = "secret"
	for name, c := range map[string]struct {
		body   map[string]any
		fields []string
	}{
		"Nothing":        {nil, []string{"email", "password"}},
		"NoEmail":        {map[string]any{"password": aPassword}, []string{"email"}},
		"BadEmail":       {map[string]any{"email": secret, "password": aPassword}, []string{"email"}},
		"ShortPassword":  {map[string]any{"email": anEmail, "password": secret}, []string{"password"}},
		"LongPassword":   {map[string]any{"email": anEmail, "password": strings.Repeat(secret, 13)}, []string{"password"}},
		"UserID":         {map[string]any{"email": anEmail, "password": aPassword, "userId": "undefined"}, []string{"userId"}},
		"UserIDBraces":   {map[string]any{"email": anEmail, "password": aPassword, "userId": "{" + aUser + "}"}, []string{"userId"}},
		"All":            {map[string]any{"email": "", "password": "", "userId": "-"}, []string{"email", "password", "userId"}},
		"Taken":          {map[string]any{"email": " TAKEN@example.com", "password": aPassword}, []string{"email"}},
		"TakenID":        {map[string]any{"email": anEmail, "password": aPassword, "userId": strings.ToUpper(taken)}, []string{"userId"}},
		"TakenBoth":      {map[string]any{"email": "taken@example.com", "password": aPassword, "userId": taken}, []string{"email", "userId"}},
		"PasswordNumber": {map[string]any{"email": anEmail, "password": 12345678}, []string{"password"}},
		"UnknownField":   {map[string]any{"email": anEmail, "password": aPassword, "admin": true}, []string{"admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := a.call(t, "POST", "/v1/users", jsonOf(t, c.body))
			if name == "Nothing" {
				got = a.call(t, "POST", "/v1/users", "")
			}
			if fields := got.violations(t); got.status != http.StatusBadRequest || !slices.Equal(fields, c.fields) {
				t.Errorf("answer is %d %s", got.status, got.body)
			}
			if strings.Contains(got.body, secret) {
				t.Errorf("%s sends it back", got.body)
			}
		})
	}
	t.Cleanup(func() {
		if strings.Contains(a.log.String(), secret) || strings.Contains(a.log.String(), aPassword) {
			t.Errorf("the log has a secret:\n%s", a.log)
		}
	})
	if all := stored(t, a.store); len(all) > 0 {
		t.Errorf("stored: %v", all)
	}
	got := a.register(t, nil, "email", anEmail, "password", aPassword, "userId", strings.ToUpper(aUser))
	if answer := decode[receipt](t, got.body); got.status != http.StatusAccepted || answer.UserID != aUser {
		t.Errorf("with an id: %d %s", got.status, got.body)
	}
	if all := stored(t, a.store); len(all) != 1 || all[0].Stream != "identity:command-"+aUser {
		t.Errorf("stored: %v", all)
	}
}

// A repeat is recognised although each hash has its own salt.
func TestRegisterUser_IdempotencyKey(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	key := []string{"Idempotency-Key", uuid.NewString()}
	fields := []string{"email", anEmail, "password", aPassword}
	answers := make([]answered, 6)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = a.register(t, key, fields...) })
	}
	all.Wait()
	first := decode[receipt](t, answers[0].body)
	// The registration has succeeded meanwhile.
	insert(t, a.viewURL, "insert into user_credentials (id, email, password_hash) values ($1, $2, '')", first.UserID, anEmail)
	for _, got := range append(answers, a.register(t, key, fields...)) {
		if got.status != http.StatusAccepted || decode[receipt](t, got.body) != first || got.header.Get("X-Trace-Id") != first.TraceID {
			t.Errorf("answer is %d %s, X-Trace-Id %s", got.status, got.body, got.header.Get("X-Trace-Id"))
		}
	}
	for name, other := range map[string][]string{
		"Password": {"email", anEmail, "password", aPassword + "!"},
		"Email":    {"email", "bob@example.com", "password", aPassword},
		// Another user id is noticed only if everything else is valid.
		"UserID": {"email", "bob@example.com", "password", aPassword, "userId", aUser},
	} {
		if got := a.register(t, key, other...); got.status != http.StatusConflict || !strings.Contains(got.body, "IDEMPOTENCY_KEY_REUSED") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if all := stored(t, a.store); len(all) != 1 {
		t.Errorf("%d messages are stored", len(all))
	}
}

func TestGetRegistration(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	good, bad, none := uuid.NewString(), uuid.NewString(), uuid.NewString()
	insert(t, a.viewURL, "insert into user_credentials (id, email, password_hash) values ($1, $2, '')", aUser, anEmail)
	insert(t, a.viewURL, "insert into registrations values ($1, $2, true, null, null), ($3, $2, false, 'EMAIL_TAKEN', 'somebody has it')", good, aUser, bad)
	for trace, want := range map[string]string{
		good:                  `{"traceId":"` + good + `","done":true,"userId":"` + aUser + `"}`,
		strings.ToUpper(good): `{"traceId":"` + good + `","done":true,"userId":"` + aUser + `"}`,
		// D19: the error has a code and a text.
		bad:  `{"traceId":"` + bad + `","done":true,"userId":"` + aUser + `","error":{"code":"EMAIL_TAKEN","message":"somebodyhasit"}}`,
		none: `{"traceId":"` + none + `","done":false}`,
	} {
		if got := a.call(t, "GET", "/v1/registrations/"+trace, ""); got.status != http.StatusOK || compact(got.body) != want {
			t.Errorf("%s: %d %s, want %s", trace, got.status, got.body, want)
		}
	}
	if got := a.call(t, "GET", "/v1/registrations/1", ""); got.status != http.StatusBadRequest || !slices.Equal(got.violations(t), []string{"traceId"}) {
		t.Errorf("no UUID: %d %s", got.status, got.body)
	}
}

// D22: a caller cannot choose the trace id, and so not the operation.
func TestRegisterUser_D22(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	chosen := uuid.NewString()
	seen := map[string]bool{chosen: true}
	for _, header := range []string{"X-Trace-Id", "Grpc-Metadata-X-Trace-Id", "Traceparent"} {
		got := a.register(t, []string{header, chosen}, "email", anEmail, "password", aPassword)
		trace := decode[receipt](t, got.body).TraceID
		if got.status != http.StatusAccepted || seen[trace] || trace != got.header.Get("X-Trace-Id") {
			t.Errorf("%s: %d %s", header, got.status, got.body)
		}
		seen[trace] = true
	}
	if got := a.call(t, "POST", "/v1/users", `{"email": "a@b.cd", "password": "12345678", "traceId": "`+chosen+`"}`); got.status != http.StatusBadRequest {
		t.Errorf("in the body: %d %s", got.status, got.body)
	}
	for _, m := range stored(t, a.store) {
		if strings.Contains(m.Metadata, chosen) {
			t.Errorf("stored is %s", m.Metadata)
		}
	}
}

func TestConfirmRegistration(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	sign := func(purpose token.Purpose, subject string, in time.Duration) string {
		return aSecret(t).Sign(purpose, subject, time.Now().Add(in))
	}
	good := sign(token.ConfirmRegistration, aUser, time.Hour)
	confirm := func(user, token string) answered {
		return a.call(t, "GET", "/v1/users/"+user+":confirm?token="+url.QueryEscape(token), "")
	}
	for name, c := range map[string]struct {
		user, token string
		field       string
	}{
		"NoUser":       {"me", good, "userId"},
		"NoToken":      {aUser, "", "token"},
		"Nonsense":     {aUser, "nonsense", "token"},
		"OtherUser":    {uuid.NewString(), good, "token"},
		"OtherPurpose": {aUser, sign(token.Purpose("session"), aUser, time.Hour), "token"},
		"Expired":      {aUser, sign(token.ConfirmRegistration, aUser, -time.Second), "token"},
		"Changed":      {aUser, good[:len(good)-1], "token"},
	} {
		if got := confirm(c.user, c.token); got.status != http.StatusBadRequest || !slices.Equal(got.violations(t), []string{c.field}) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	// A mail program that checks the link with HEAD confirms nothing.
	if got := a.call(t, "HEAD", "/v1/users/"+aUser+":confirm?token="+url.QueryEscape(good), ""); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET" {
		t.Errorf("HEAD is %d, allowed %q", got.status, got.header.Get("Allow"))
	}
	if all := stored(t, a.store); len(all) > 0 {
		t.Fatalf("stored: %v", all)
	}

	for _, user := range []string{aUser, aUser, strings.ToUpper(aUser)} {
		got := confirm(user, good)
		if answer := decode[receipt](t, got.body); got.status != http.StatusOK || answer.UserID != aUser {
			t.Errorf("answer is %d %s", got.status, got.body)
		}
	}
	all := stored(t, a.store)
	if len(all) != 1 || all[0].Type != "ConfirmRegistration" || all[0].Stream != "identity:command-"+aUser || all[0].Data != `{"userId": "`+aUser+`"}` {
		t.Errorf("stored: %v", all)
	}
	if strings.Contains(a.log.String(), good) {
		t.Errorf("the log has the token:\n%s", a.log)
	}
}
