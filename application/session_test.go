package application

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/internal/token"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	secret, now := aSecret(t), time.Unix(1_900_000_000, 0)
	all := tokens{secret}
	s := session{uuid.New(), uuid.New()}
	good := all.make(s, now.Add(time.Second))
	if got, ok := all.read(good, now); !ok || got != s {
		t.Errorf("it reads %v, %t, made was %v", got, ok, s)
	}
	other, err := token.NewSecret([]byte(strings.Repeat("another secret, ", 2)))
	if err != nil {
		t.Fatal(err)
	}
	subject := s.id.String() + " " + s.user.String()
	for name, text := range map[string]string{
		"Empty":        "",
		"Nonsense":     "nonsense",
		"Expired":      all.make(s, now),
		"OtherSecret":  tokens{other}.make(s, now.Add(time.Hour)),
		"OtherPurpose": secret.Sign(token.ConfirmRegistration, subject, now.Add(time.Hour)),
		"OneID":        secret.Sign(purposeSessions, s.user.String(), now.Add(time.Hour)),
		"NoIDs":        secret.Sign(purposeSessions, "a b", now.Add(time.Hour)),
		"Longer":       good + "A",
		"Shorter":      good[:len(good)-1],
	} {
		if got, ok := all.read(text, now); ok {
			t.Errorf("%s reads %v", name, got)
		}
	}
	for i := range good {
		changed := []byte(good)
		changed[i] ^= 1
		if _, ok := all.read(string(changed), now); ok {
			t.Errorf("it reads a token whose letter %d was changed", i)
		}
	}
}
