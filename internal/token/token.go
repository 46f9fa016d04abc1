// Package token signs what somebody brings back later, as the link in a mail or
// a session, so that nobody else can have made it.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

var (
	// ErrInvalid is returned for a token that was not signed with the secret, for
	// the purpose.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired is returned for a token that was, and whose time has passed.
	ErrExpired = errors.New("the token has expired")
)

// A Purpose is what a token is for.
type Purpose string

// ConfirmRegistration is the purpose of the link in the mail to a new user. Its
// subject is the user's id.
const ConfirmRegistration Purpose = "confirm registration"

// minSecret is how long a secret is at least: as long as what SHA-256 makes.
const minSecret = 32

// A Secret signs and verifies. Whoever has it can sign.
type Secret struct {
	key []byte
}

// NewSecret returns the secret with that key, which MUST be random. It returns an
// error if the key has fewer than 32 bytes.
func NewSecret(key []byte) (Secret, error) {
	if len(key) < minSecret {
		return Secret{}, fmt.Errorf("the secret has %d bytes, it needs %d", len(key), minSecret)
	}
	return Secret{key}, nil
}

// ReadSecret returns the secret whose key is the content of the file.
func ReadSecret(file string) (Secret, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return Secret{}, fmt.Errorf("read the secret: %w", err)
	}
	s, err := NewSecret(key)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// Sign returns a token that says the subject, in letters that need no escaping in
// a URL. It is the same for the same arguments, to the second. A token of one
// purpose is none of another. Who has the token can read the subject.
func (s Secret) Sign(purpose Purpose, subject string, expires time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	payload = append(payload, subject...)
	return encoding.EncodeToString(payload) + "." + encoding.EncodeToString(s.mac(purpose, payload))
}

// Verify returns the subject that the token says. It returns ErrInvalid, or
// ErrExpired if it is not before the time that was given to Sign.
func (s Secret) Verify(purpose Purpose, token string, now time.Time) (subject string, err error) {
	first, second, _ := strings.Cut(token, ".")
	payload, err := encoding.DecodeString(first)
	if err != nil {
		return "", ErrInvalid
	}
	mac, err := encoding.DecodeString(second)
	if err != nil || len(payload) < 8 || !hmac.Equal(mac, s.mac(purpose, payload)) {
		return "", ErrInvalid
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(payload)) {
		return "", ErrExpired
	}
	return string(payload[8:]), nil
}

// encoding is strict, so that a token has one spelling.
var encoding = base64.RawURLEncoding.Strict()

// mac signs the payload for the purpose, whose length keeps the two apart. It
// panics without a key: everybody could make such a token.
func (s Secret) mac(purpose Purpose, payload []byte) []byte {
	if len(s.key) < minSecret {
		panic("token: the secret is none, make it with NewSecret")
	}
	h := hmac.New(sha256.New, s.key)
	h.Write(append(fmt.Appendf(nil, "videotutorials token 1\n%d\n%s\n", len(purpose), purpose), payload...))
	return h.Sum(nil)
}
