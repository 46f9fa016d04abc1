package session

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/application/call"
	"videotutorials/internal/token"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	secret, now := newSecret(t, "a secret of the tests, 32 bytes!"), time.Unix(1_900_000_000, 0)
	all := Tokens{secret}
	s := call.Session{ID: uuid.New(), User: uuid.New()}
	good := all.Sign(s, now.Add(time.Second))
	if got, ok := all.Verify(good, now); !ok || got != s {
		t.Errorf("the token has %v, %t, want %v", got, ok, s)
	}
	other := newSecret(t, strings.Repeat("another secret, ", 2))
	subject := s.ID.String() + " " + s.User.String()
	for name, text := range map[string]string{
		"Empty":        "",
		"Nonsense":     "nonsense",
		"Expired":      all.Sign(s, now),
		"OtherSecret":  Tokens{other}.Sign(s, now.Add(time.Hour)),
		"OtherPurpose": secret.Sign(token.ConfirmRegistration, subject, now.Add(time.Hour)),
		"OneID":        secret.Sign(purpose, s.User.String(), now.Add(time.Hour)),
		"NoIDs":        secret.Sign(purpose, "a b", now.Add(time.Hour)),
		"Longer":       good + "A",
		"Shorter":      good[:len(good)-1],
	} {
		if got, ok := all.Verify(text, now); ok {
			t.Errorf("%s is valid: %v", name, got)
		}
	}
	for i := range good {
		changed := []byte(good)
		changed[i] ^= 1
		if _, ok := all.Verify(string(changed), now); ok {
			t.Errorf("a token with another byte %d is valid", i)
		}
	}
}

func newSecret(t *testing.T, key string) token.Secret {
	t.Helper()
	secret, err := token.NewSecret([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}
