package application

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	applicationv1 "videotutorials/proto/application/v1"
)

// cookies puts sessions into the cookie vt_session, for browsers.
//
// A page of another site cannot use it. With SameSite=Lax a browser sends it
// along only when that site's link is followed, a GET, which changes nothing but
// by a token of its own. All else that comes with the cookie from another
// origin, a neighbour in the same site too, is refused by newHandler; so is a
// log-in, which would make the visitor act as somebody else. And no other site
// reads an answer: there is no CORS.
type cookies struct {
	// secure keeps the cookie to TLS.
	secure bool
}

// set sets the cookie where the answer is a session, and takes it back where it
// is the end of one.
func (c cookies) set(w http.ResponseWriter, answer proto.Message) {
	switch m := answer.(type) {
	case *applicationv1.LogInResponse:
		cookie := c.cookie(m.GetToken())
		cookie.Expires = m.GetExpireTime().AsTime()
		http.SetCookie(w, cookie)
	case *applicationv1.LogOutResponse:
		c.takeBack(w)
	}
}

// drop takes a cookie back that was refused: without it, the browser's user is a
// guest again.
func (c cookies) drop(w http.ResponseWriter, r *http.Request) {
	if hasCookie(r) {
		c.takeBack(w)
	}
}

func (c cookies) takeBack(w http.ResponseWriter) {
	cookie := c.cookie("")
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

func (c cookies) cookie(token string) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: token, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.secure,
	}
}

// logInPath is where the cookie is set.
const logInPath = "/v1/sessions"

// hasCookie reports whether the request's credential is the cookie: a header
// comes first.
func hasCookie(r *http.Request) bool {
	return len(r.Header.Values("Authorization")) == 0 && len(r.CookiesNamed(cookieName)) > 0
}

// ascii returns text that can be metadata as it is, and other text in quotes.
func ascii(text string) string {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return quote(text)
		}
	}
	return text
}
