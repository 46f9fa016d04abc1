// Package session is how users log in and stay logged in: passwords and log-in
// attempts, the token and the cookie of a session, and the authorizer that admits
// calls by them.
package session

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"videotutorials/application/call"
	"videotutorials/internal/interceptor"
	"videotutorials/internal/token"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
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

// LogInPath is the path in REST whose answer sets the cookie.
const LogInPath = "/v1/sessions"

// Cookies stores sessions in browsers, in the cookie vt_session.
//
// Other sites cannot use the cookie. With SameSite=Lax a browser sends it only if
// it follows a link of another site, a GET, which changes nothing except with a
// token of its own. The REST handler rejects all other requests with the cookie
// from another origin, including another host of the same site. It also rejects a
// log-in from there, which would make the visitor act as another user. Other sites
// cannot read answers either: there is no CORS.
type Cookies struct {
	// Secure restricts the cookie to TLS.
	Secure bool
}

// Update sets the cookie if the answer is that of a log-in, and deletes it if it is
// that of a log-out.
func (c Cookies) Update(w http.ResponseWriter, answer proto.Message) {
	switch m := answer.(type) {
	case *applicationv1.LogInResponse:
		cookie := c.cookie(m.GetToken())
		cookie.Expires = m.GetExpireTime().AsTime()
		http.SetCookie(w, cookie)
	case *applicationv1.LogOutResponse:
		c.delete(w)
	}
}

// Drop deletes the cookie if it was the request's credential, which MUST have been
// rejected. Without it the browser's user is a guest again.
func (c Cookies) Drop(w http.ResponseWriter, r *http.Request) {
	if HasCookie(r) {
		c.delete(w)
	}
}

func (c Cookies) delete(w http.ResponseWriter) {
	cookie := c.cookie("")
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

func (c Cookies) cookie(token string) *http.Cookie {
	return &http.Cookie{
		Name: call.CookieName, Value: token, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.Secure,
	}
}

// HasCookie reports whether the request's credential is the cookie. The header
// Authorization has precedence over it.
func HasCookie(r *http.Request) bool {
	return len(r.Header.Values("Authorization")) == 0 && len(r.CookiesNamed(call.CookieName)) > 0
}

// An Authorizer identifies the caller and decides whether to admit the call.
type Authorizer struct {
	Tokens   Tokens
	ViewData *pgxpool.Pool
}

// NewRequest returns the request of a call to a path in REST. It rejects nothing;
// Check does.
func (a Authorizer) NewRequest(ctx context.Context, verb string, path func() string, need call.Access, md func(key string) []string) *call.Request {
	if need == call.Anyone {
		return call.NewRequest(ctx, verb, path, nil, md)
	}
	s, ok := a.session(md)
	r := call.NewRequest(ctx, verb, path, s, md)
	r.BadCredential = !ok
	return r
}

// session returns the session of the call's credential, nil if there is none, and
// whether the credential is valid or absent.
func (a Authorizer) session(md func(key string) []string) (*call.Session, bool) {
	var token string
	headers, cookies := md("authorization"), md(call.CookieName)
	switch {
	case len(headers) == 1:
		scheme, rest, _ := strings.Cut(headers[0], " ")
		if !strings.EqualFold(scheme, "bearer") {
			return nil, false
		}
		token = strings.TrimSpace(rest)
	case len(headers) == 0 && len(cookies) == 1:
		token = cookies[0]
	case len(headers) == 0 && len(cookies) == 0:
		return nil, true
	default:
		return nil, false // ambiguous
	}
	s, ok := a.Tokens.Verify(token, time.Now())
	if !ok {
		return nil, false
	}
	return &s, true
}

// Check returns nil if the access admits the caller of the request, else
// call.ErrNoSession, call.ErrSessionOver or call.ErrNotAdmin.
func (a Authorizer) Check(ctx context.Context, r *call.Request, need call.Access) error {
	switch {
	case need == call.Anyone:
		return nil
	case r.BadCredential:
		return call.ErrSessionOver
	case r.Session == nil && need >= call.Users:
		return call.ErrNoSession
	case r.Session == nil:
		return nil
	}
	user := r.Session.User.String()
	interceptor.Annotate(ctx, slog.String("userId", user))
	ended, err := viewdata.ReadSessionEnded(ctx, a.ViewData, r.Session.ID.String())
	if err != nil {
		return err
	}
	if ended {
		return call.ErrSessionOver
	}
	if need < call.Admins {
		return nil
	}
	// Read at each call, so that a granted role takes effect at once.
	credential, err := viewdata.ReadUserCredentials(ctx, a.ViewData, user)
	switch {
	case errors.Is(err, viewdata.ErrNotFound): // or View Data is being rebuilt
		return call.ErrNotAdmin
	case err != nil:
		return err
	case !credential.Admin:
		return call.ErrNotAdmin
	}
	return nil
}
