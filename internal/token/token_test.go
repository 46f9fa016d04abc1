package token_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"videotutorials/internal/token"
)

var (
	key     = bytes.Repeat([]byte("k"), 32)
	expires = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func secret(t *testing.T, key []byte) token.Secret {
	t.Helper()
	s, err := token.NewSecret(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecret_Verify(t *testing.T) {
	t.Parallel()
	s := secret(t, key)
	signed := s.Sign("confirm", "user-1", expires)
	payload, mac, _ := strings.Cut(signed, ".")
	otherPayload, _, _ := strings.Cut(s.Sign("confirm", "user-2", expires), ".")
	for name, test := range map[string]struct {
		secret  token.Secret
		purpose token.Purpose
		token   string
		now     time.Time
		want    error
	}{
		"Valid":         {s, "confirm", signed, expires.Add(-time.Second), nil},
		"Expired":       {s, "confirm", signed, expires, token.ErrExpired},
		"OtherPurpose":  {s, "session", signed, expires.Add(-time.Hour), token.ErrInvalid},
		"OtherSecret":   {secret(t, bytes.Repeat([]byte("x"), 32)), "confirm", signed, expires.Add(-time.Hour), token.ErrInvalid},
		"OtherSubject":  {s, "confirm", otherPayload + "." + mac, expires.Add(-time.Hour), token.ErrInvalid},
		"NoMAC":         {s, "confirm", payload + ".", expires.Add(-time.Hour), token.ErrInvalid},
		"NoDot":         {s, "confirm", payload, expires.Add(-time.Hour), token.ErrInvalid},
		"Empty":         {s, "confirm", "", expires.Add(-time.Hour), token.ErrInvalid},
		"OtherSpelling": {s, "confirm", signed + "=", expires.Add(-time.Hour), token.ErrInvalid},
		"Garbage":       {s, "confirm", "%%.%%", expires.Add(-time.Hour), token.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject, err := test.secret.Verify(test.purpose, test.token, test.now)
			if !errors.Is(err, test.want) {
				t.Errorf("verify: %v, want %v", err, test.want)
			}
			if want := "user-1"; test.want == nil && subject != want {
				t.Errorf("subject %q, want %q", subject, want)
			}
		})
	}
}

// The signature MUST NOT change: links in delivered mails stay valid.
func TestSecret_Sign(t *testing.T) {
	t.Parallel()
	const want = "AAAAAGmkKkB1c2VyLTE.TpXes2itcnyZgRfaKh9MS-2T0C8fBwaEZl1jCqp3KG4"
	if got := secret(t, key).Sign("confirm", "user-1", expires); got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
}

func TestReadSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if _, err := token.ReadSecret(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v, want os.ErrNotExist", err)
	}
	if err := os.WriteFile(file, key[:31], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := token.ReadSecret(file); err == nil {
		t.Error("a secret of 31 bytes is accepted")
	}
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := token.ReadSecret(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read.Sign("p", "s", expires), secret(t, key).Sign("p", "s", expires); got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
}

func TestSecret_None(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a secret without a key signs")
		}
	}()
	token.Secret{}.Sign(token.ConfirmRegistration, "me", time.Now())
}
