package application

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

type loggedIn struct {
	Token, UserID string
	ExpireTime    time.Time
}

// types returns the types of messages.
func types(all []messagestore.Message) string {
	var names []string
	for _, m := range all {
		names = append(names, m.Type)
	}
	return strings.Join(names, " ")
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	user := addUser(t, a.viewURL, anEmail, false)
	// D18: the address is normalised.
	got := a.logIn(t, " ANN@example.com ", aPassword)
	answer := decode[loggedIn](t, got.body)
	if got.status != http.StatusCreated || answer.UserID != user {
		t.Fatalf("answer is %d %s", got.status, got.body)
	}
	if left := time.Until(answer.ExpireTime); left < 11*time.Hour || left > 12*time.Hour {
		t.Errorf("it expires in %v", left)
	}
	cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
	if err != nil || cookie.Name != "vt_session" || cookie.Value != answer.Token || cookie.Path != "/" || !cookie.Expires.Equal(answer.ExpireTime) ||
		!cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
		t.Errorf("cookie is %v, %v", cookie, err)
	}
	all := stored(t, a.store)
	if types(all) != "UserLoggedIn" || all[0].Stream != "authentication-"+messagestore.Stream(user) || all[0].Data != `{"userId": "`+user+`"}` ||
		!strings.Contains(all[0].Metadata, `"userId": "`+user+`"`) || !strings.Contains(all[0].Metadata, got.header.Get("X-Trace-Id")) {
		t.Errorf("stored: %v", all)
	}

	for name, headers := range map[string][]string{
		"Bearer": bearer(answer.Token), "BearerLower": {"authorization", "bearer " + answer.Token}, "Cookie": {"Cookie", "a=b; vt_session=" + answer.Token},
		"CookieAndOrigin": {"Cookie", "vt_session=" + answer.Token, "Sec-Fetch-Site", "same-origin"},
		"OriginAndBearer": append(bearer(answer.Token), "Sec-Fetch-Site", "cross-site"),
	} {
		video := uuid.NewString()
		if got := a.record(t, video, headers...); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		m, err := a.store.Last(t.Context(), messagestore.Stream("viewing-"+video), "")
		if err != nil || !strings.Contains(m.Data, user) || !strings.Contains(m.Metadata, `"userId": "`+user+`"`) {
			t.Errorf("%s: stored is %s %s, %v", name, m.Data, m.Metadata, err)
		}
	}
	for _, secret := range []string{answer.Token, aPassword, anEmail} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, a.log)
		}
	}
}

func TestLogIn_Refused(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	user := addUser(t, a.viewURL, anEmail, false)
	var bodies []string
	for _, c := range [][2]string{{anEmail, "wrong horse"}, {"bob@example.com", aPassword}, {"no address", aPassword}, {anEmail, aPassword + strings.Repeat(" ", 72)}} {
		got := a.logIn(t, c[0], c[1])
		if got.status != http.StatusUnauthorized || got.header.Get("Set-Cookie") != "" || got.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: %d %s", c, got.status, got.body)
		}
		bodies = append(bodies, compact(got.body))
	}
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("answers differ: %q", bodies)
		}
	}
	all := stored(t, a.store)
	if types(all) != "UserLoginFailed UserLoginFailed" {
		t.Fatalf("stored: %v", all)
	}
	if want := `{"reason": "incorrect password", "userId": "` + user + `"}`; all[0].Data != want || !strings.Contains(all[0].Metadata, `"userId": null`) {
		t.Errorf("stored is %s %s", all[0].Data, all[0].Metadata)
	}
	if got := a.logIn(t, "", ""); got.status != http.StatusBadRequest || len(got.violations(t)) != 2 {
		t.Errorf("blank: %d %s", got.status, got.body)
	}
	// A page of another site cannot log the visitor in as another user.
	for name, header := range map[string][]string{"Site": {"Sec-Fetch-Site", "cross-site"}, "Origin": {"Origin", "https://elsewhere.example"}} {
		if got := a.logIn(t, anEmail, aPassword, header...); got.status != http.StatusForbidden || got.header.Get("Set-Cookie") != "" {
			t.Errorf("from another %s: %d %s", name, got.status, got.body)
		}
	}
	if strings.Contains(a.log.String(), "wrong horse") {
		t.Errorf("the log has a password:\n%s", a.log)
	}
}

// Five failures lock the account for all processes, also for the right password.
func TestLogIn_Lock(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	pool, url := viewData(t)
	a, other := start(t, Config{Store: store, ViewData: pool}), start(t, Config{Store: store, ViewData: pool})
	user := addUser(t, url, anEmail, false)
	for range 5 {
		a.logIn(t, anEmail, "wrong horse").check(t, http.StatusUnauthorized)
	}
	if all := stored(t, store); types(all) != strings.Repeat("UserLoginFailed ", 5)+"AccountLocked" {
		t.Errorf("stored: %v", all)
	}
	limited := a.logIn(t, anEmail, aPassword)
	if limited.status != http.StatusTooManyRequests || limited.header.Get("Retry-After") == "" || !strings.Contains(limited.body, "google.rpc.RetryInfo") {
		t.Errorf("then: %d %s", limited.status, limited.body)
	}
	// An unknown address has the same answers.
	for range 5 {
		a.logIn(t, "bob@example.com", aPassword)
	}
	if got := a.logIn(t, "bob@example.com", aPassword); got.status != http.StatusTooManyRequests {
		t.Errorf("unknown address: %d %s", got.status, got.body)
	}
	// The failures before the registration do not lock the new account.
	addUser(t, url, "bob@example.com", false)
	if got := a.logIn(t, "bob@example.com", aPassword); got.status != http.StatusCreated {
		t.Errorf("after the registration: %d %s", got.status, got.body)
	}
	// View Data lags in the first round, and not in the second.
	for range 2 {
		if got := other.logIn(t, anEmail, aPassword); got.status != http.StatusUnauthorized {
			t.Errorf("with another process: %d %s", got.status, got.body)
		}
		insert(t, url, "update user_credentials set locked_until = now() + interval '15 minutes', last_authentication_position = 5 where id = $1", user)
	}
	if all := stored(t, store); len(all) != 7 { // five failures, the lock, a log-in
		t.Errorf("stored: %v", all)
	}
}

// Of many concurrent guesses five are counted, and none is checked afterwards.
func TestLogIn_ConcurrentGuesses(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	pool, url := viewData(t)
	addUser(t, url, anEmail, false)
	var guesses sync.WaitGroup
	for range 3 {
		a := start(t, Config{Store: store, ViewData: pool})
		for range 10 {
			guesses.Go(func() {
				if got := a.logIn(t, anEmail, "wrong horse"); got.status != http.StatusUnauthorized && got.status != http.StatusTooManyRequests {
					t.Errorf("answer is %d %s", got.status, got.body)
				}
			})
		}
	}
	guesses.Wait()
	if all := stored(t, store); types(all) != strings.Repeat("UserLoginFailed ", 5)+"AccountLocked" {
		t.Errorf("stored: %s", types(all))
	}
}

// While the store is unavailable, known and unknown addresses have the same answer.
func TestLogIn_StoreAway(t *testing.T) {
	t.Parallel()
	a := start(t, Config{Store: away{teststore.New(t)}})
	addUser(t, a.viewURL, "ada@example.org", false)
	known, unknown := a.logIn(t, "ada@example.org", "wrong"), a.logIn(t, "bob@example.org", "wrong")
	if known.status != http.StatusServiceUnavailable || unknown.status != known.status || unknown.body != known.body {
		t.Errorf("known: %d %s, unknown: %d %s", known.status, known.body, unknown.status, unknown.body)
	}
}

// An away store is unavailable for writes.
type away struct{ messagestore.Store }

func (away) Write(context.Context, messagestore.Stream, messagestore.Version, ...messagestore.NewMessage) (messagestore.Written, error) {
	return messagestore.Written{}, &messagestore.UnavailableError{Reason: "away"}
}

func (away) WriteBatch(context.Context, ...messagestore.Write) ([]messagestore.Written, error) {
	return nil, &messagestore.UnavailableError{Reason: "away"}
}

// While no aggregator runs, View Data lags behind the log-ins.
func TestLogIn_ViewDataLags(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	addUser(t, a.viewURL, anEmail, false)
	for range 2 {
		for range 4 {
			a.logIn(t, anEmail, "wrong horse")
		}
		a.logIn(t, anEmail, aPassword).check(t, http.StatusCreated)
	}
	if all := stored(t, a.store); len(all) != 10 {
		t.Errorf("stored: %s", types(all))
	}
}

func TestLogIn_IdempotencyKey(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	addUser(t, a.viewURL, anEmail, false)
	bob := addUser(t, a.viewURL, "bob@example.com", false)
	key := []string{"Idempotency-Key", uuid.NewString()}
	// Guesses with the same key are counted one by one.
	for range 2 {
		a.logIn(t, anEmail, "wrong horse", key...).check(t, http.StatusUnauthorized)
	}
	var sessions []call.Session
	for range 2 {
		got := a.logIn(t, anEmail, aPassword, key...)
		s, ok := session.Tokens{Secret: aSecret(t)}.Verify(decode[loggedIn](t, got.body).Token, time.Now())
		if got.status != http.StatusCreated || !ok {
			t.Errorf("answer is %d %s", got.status, got.body)
		}
		sessions = append(sessions, s)
	}
	if sessions[0] != sessions[1] {
		t.Errorf("sessions are %v", sessions)
	}
	if all := stored(t, a.store); types(all) != "UserLoginFailed UserLoginFailed UserLoggedIn" {
		t.Errorf("stored: %s", types(all))
	}
	if got := a.logIn(t, "bob@example.com", aPassword, key...); got.status != http.StatusConflict {
		t.Errorf("log-in of %s: %d %s", bob, got.status, got.body)
	}
}

// peerFailures is the number of failures that lock out a peer.
const peerFailures = 100

// A peer with too many failures is locked out for all addresses.
func TestLogIn_PeerLimit(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	addUser(t, a.viewURL, anEmail, false)
	var failed atomic.Int64
	var all sync.WaitGroup
	left := make(chan int, peerFailures)
	for i := range cap(left) {
		left <- i
	}
	close(left)
	for range 8 {
		all.Go(func() {
			for range left {
				// A forged X-Forwarded-For is ignored: all calls have one peer.
				got := a.logIn(t, uuid.NewString()+"@example.com", aPassword, "X-Forwarded-For", uuid.NewString())
				if got.status == http.StatusUnauthorized {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if failed.Load() != peerFailures {
		t.Errorf("%d failed", failed.Load())
	}
	if got := a.logIn(t, anEmail, aPassword, "X-Forwarded-For", "192.0.2.1"); got.status != http.StatusTooManyRequests {
		t.Errorf("then: %d %s", got.status, got.body)
	}
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	user := addUser(t, a.viewURL, anEmail, false)
	token := decode[loggedIn](t, a.logIn(t, anEmail, aPassword).body).Token
	s, _ := session.Tokens{Secret: aSecret(t)}.Verify(token, time.Now())
	for range 2 { // the second while View Data lags
		got := a.call(t, "DELETE", "/v1/sessions/current", "", "Cookie", "vt_session="+token)
		cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
		if got.status != http.StatusNoContent || got.body != "" || err != nil || cookie.MaxAge >= 0 || cookie.Value != "" {
			t.Errorf("answer is %d %q, cookie %v, %v", got.status, got.body, cookie, err)
		}
	}
	all := stored(t, a.store)
	if types(all) != "UserLoggedIn UserLoggedOut" || all[1].Data != `{"userId": "`+user+`", "sessionId": "`+s.ID.String()+`"}` {
		t.Errorf("stored: %v", all)
	}
	insert(t, a.viewURL, "insert into ended_sessions values ($1, $2, now())", s.ID, user)
	for _, path := range []string{"DELETE /v1/sessions/current", "GET /v1/home", "POST /v1/videos/" + aVideo + "/viewings"} {
		method, path, _ := strings.Cut(path, " ")
		if got := a.call(t, method, path, "", bearer(token)...); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if all := stored(t, a.store); len(all) != 2 {
		t.Errorf("stored: %v", all)
	}
	if got := a.logIn(t, anEmail, aPassword, bearer(token)...); got.status != http.StatusCreated {
		t.Errorf("log in again: %d %s", got.status, got.body)
	}
}
