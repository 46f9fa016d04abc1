// Package token signs tokens that clients return later, such as the link in a mail
// or a session.
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
	// ErrInvalid is returned for a token that was not signed with the secret for the
	// purpose.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired is returned for a valid token that has expired.
	ErrExpired = errors.New("the token has expired")
)

// A Purpose is the use of a token. A token is valid for one purpose only.
type Purpose string

// ConfirmRegistration is the purpose of the link in the mail to a new user. Its
// subject is the user's id.
const ConfirmRegistration Purpose = "confirm registration"

// minSecret is the minimum length of a secret, that of a SHA-256 hash.
const minSecret = 32

// A Secret signs and verifies tokens.
type Secret struct {
	key []byte
}

// NewSecret returns the secret with the key, which MUST be random. It returns an
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

// Sign returns a token of the subject, in characters that need no escaping in a
// URL. It is the same for the same arguments; the time is rounded to the second. The
// subject is not encrypted.
func (s Secret) Sign(purpose Purpose, subject string, expires time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	payload = append(payload, subject...)
	return encoding.EncodeToString(payload) + "." + encoding.EncodeToString(s.mac(purpose, payload))
}

// Verify returns the subject of the token, ErrInvalid, or ErrExpired from the time
// on that was given to Sign.
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

// mac signs the payload for the purpose, whose length separates the two. It panics
// without a key: anyone could make the token.
func (s Secret) mac(purpose Purpose, payload []byte) []byte {
	if len(s.key) < minSecret {
		panic("token: the secret has no key, make it with NewSecret")
	}
	h := hmac.New(sha256.New, s.key)
	h.Write(append(fmt.Appendf(nil, "videotutorials token 1\n%d\n%s\n", len(purpose), purpose), payload...))
	return h.Sum(nil)
}
