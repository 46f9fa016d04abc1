// Package session is how users log in and stay logged in: passwords and log-in
// attempts, the token and the cookie of a session, and the authorizer that admits
// calls by them.
package session

import (
	"strings"
	"time"

	"videotutorials/application/call"
	"videotutorials/internal/token"
	"videotutorials/messagestore/contract"
)

// Lifetime is the duration of a session. View Data forgets the end of a session
// after viewdata.LongestSession, which is longer.
const Lifetime = 12 * time.Hour

// purpose separates the tokens of sessions from the other tokens that are signed
// with the same secret, such as the links in mails.
const purpose token.Purpose = "session"

// Tokens signs and verifies the tokens of sessions. A token is the only record of
// its session; View Data has the sessions that ended before they expired.
type Tokens struct {
	Secret token.Secret
}

// Sign returns the session's token.
func (t Tokens) Sign(s call.Session, expires time.Time) string {
	return t.Secret.Sign(purpose, s.ID.String()+" "+s.User.String(), expires)
}

// Verify returns the session of the token, and whether the token is valid and has
// not expired.
func (t Tokens) Verify(text string, now time.Time) (call.Session, bool) {
	subject, err := t.Secret.Verify(purpose, text, now)
	if err != nil {
		return call.Session{}, false
	}
	id, user, _ := strings.Cut(subject, " ")
	var s call.Session
	var idOK, userOK bool
	s.ID, idOK = contract.ParseUUID(id)
	s.User, userOK = contract.ParseUUID(user)
	return s, idOK && userOK
}
