package application

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"videotutorials/internal/token"
)

// sessionTime is how long a session lasts at most. View Data forgets the end of
// a session after viewdata.LongestSession, which is longer.
const sessionTime = 12 * time.Hour

// A session is a log-in. It is nowhere but in its token, which cannot be taken
// back: that it was ended is in View Data.
type session struct {
	id, user uuid.UUID
}

// tokens makes and reads the tokens of sessions.
type tokens struct {
	secret token.Secret
}

// purposeSessions keeps apart the tokens of sessions and what else is signed
// with the secret, as the links in mails.
const purposeSessions token.Purpose = "session"

// make returns the session's token.
func (t tokens) make(s session, expires time.Time) string {
	return t.secret.Sign(purposeSessions, s.id.String()+" "+s.user.String(), expires)
}

// read returns the session that the token was made for. It says no to what is no
// token, or has expired.
func (t tokens) read(text string, now time.Time) (session, bool) {
	subject, err := t.secret.Verify(purposeSessions, text, now)
	if err != nil {
		return session{}, false
	}
	first, second, _ := strings.Cut(subject, " ")
	id, good := parseUUID(first)
	user, also := parseUUID(second)
	return session{id, user}, good && also
}
