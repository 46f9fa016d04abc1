package application

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/internal/token"
)

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
