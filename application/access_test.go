package application

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/application/session"
	applicationv1 "videotutorials/proto/application/v1"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	user, admin := addUser(t, a.viewURL, anEmail, false), addUser(t, a.viewURL, "admin@example.com", true)
	gone := uuid.NewString()
	over := session.Tokens{Secret: aSecret(t)}.Sign(call.Session{ID: uuid.New(), User: uuid.MustParse(admin)}, time.Now())
	good := strings.TrimPrefix(a.session(t, admin)[1], "Bearer ")
	const list, home, out, in = "GET /v1/admin/users", "GET /v1/home", "DELETE /v1/sessions/current", "POST /v1/sessions"
	const up, mine = "POST /v1/me/uploads", "GET /v1/me/videos"
	for name, c := range map[string]struct {
		headers []string
		want    map[string]int
	}{
		"Nobody":        {nil, map[string]int{list: 401, home: 200, out: 401, in: 400, up: 401, mine: 401}},
		"User":          {a.session(t, user), map[string]int{list: 403, home: 200, out: 204, in: 400, up: 400, mine: 200}},
		"Admin":         {a.session(t, admin), map[string]int{list: 200, home: 200, out: 204, in: 400, up: 400, mine: 200}},
		"Unknown":       {a.session(t, gone), map[string]int{list: 403, home: 200, out: 204, in: 400, up: 400, mine: 200}},
		"Expired":       {bearer(over), map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"ExpiredCookie": {[]string{"Cookie", "vt_session=" + over}, map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"Nonsense":      {bearer("x"), map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"NotASCII":      {bearer("\xffü"), map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"CookieQuotes":  {[]string{"Cookie", `vt_session="ü"`}, map[string]int{list: 401, home: 200, out: 401, in: 400, up: 401, mine: 401}},
		"NoToken":       {[]string{"Authorization", ""}, map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"Basic":         {[]string{"Authorization", "Basic YTpi"}, map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"Twice":         {append(bearer(good), bearer(good)...), map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"TwoCookies":    {[]string{"Cookie", "vt_session=" + good + "; vt_session=" + over}, map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"HeaderFirst":   {append(bearer(over), "Cookie", "vt_session="+good), map[string]int{list: 401, home: 401, out: 401, in: 400, up: 401, mine: 401}},
		"Metadata":      {[]string{"Grpc-Metadata-Authorization", "Bearer " + good, "Vt_session", good}, map[string]int{list: 401, home: 200, out: 401, in: 400, up: 401, mine: 401}},
		// A request of another site with the cookie changes nothing.
		"CrossSite":   {[]string{"Cookie", "vt_session=" + good, "Sec-Fetch-Site", "cross-site"}, map[string]int{list: 200, home: 200, out: 403, in: 403, up: 403, mine: 200}},
		"OtherOrigin": {[]string{"Cookie", "vt_session=" + good, "Origin", "https://evil.example.com"}, map[string]int{list: 200, home: 200, out: 403, in: 403, up: 403, mine: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for call, want := range c.want {
				method, path, _ := strings.Cut(call, " ")
				got := a.call(t, method, path, "", c.headers...)
				if got.status != want {
					t.Errorf("%s: %d %s, want %d", call, got.status, got.body, want)
				}
				if got.status >= 400 {
					got.violations(t) // fails unless it is a google.rpc.Status
				}
				// A rejected cookie is deleted.
				dropped := got.status == 401 && name == "ExpiredCookie" || got.status == 401 && name == "TwoCookies"
				if dropped != strings.HasPrefix(got.header.Get("Set-Cookie"), "vt_session=; Path=/; Max-Age=0") && got.status != 204 {
					t.Errorf("%s: Set-Cookie is %q", call, got.header.Get("Set-Cookie"))
				}
			}
		})
	}
}

// A change of the role takes effect at once.
func TestAccess_RoleChanges(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	user := addUser(t, a.viewURL, anEmail, false)
	session := a.session(t, user)
	for _, admin := range []bool{false, true, false} {
		insert(t, a.viewURL, "update user_credentials set admin = $1", admin)
		if got := a.call(t, "GET", "/v1/admin/types", "", session...); (got.status == http.StatusOK) != admin {
			t.Errorf("admin is %t: %d %s", admin, got.status, got.body)
		}
	}
}

func TestAccess_GRPC(t *testing.T) {
	t.Parallel()
	a := start(t, Config{})
	admin := addUser(t, a.viewURL, "admin@example.com", true)
	client := applicationv1.NewAdminServiceClient(dial(t, a.grpc, insecure.NewCredentials()))
	if _, err := client.ListTypes(t.Context(), &applicationv1.ListTypesRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a session: %v", err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", a.session(t, admin)[1])
	if _, err := client.ListTypes(ctx, &applicationv1.ListTypesRequest{}); err != nil {
		t.Errorf("with one: %v", err)
	}
}

// With TLS the cookie is restricted to TLS.
func TestCookies_Secure(t *testing.T) {
	t.Parallel()
	peer := httptest.NewTLSServer(nil)
	defer peer.Close()
	a := start(t, Config{REST: &tls.Config{Certificates: peer.TLS.Certificates, MinVersion: tls.VersionTLS13}})
	addUser(t, a.viewURL, anEmail, false)
	a.url, a.client = "https"+a.url[len("http"):], peer.Client()
	cookie, err := http.ParseSetCookie(a.logIn(t, anEmail, aPassword).header.Get("Set-Cookie"))
	if err != nil || !cookie.Secure || !cookie.HttpOnly {
		t.Errorf("cookie is %v, %v", cookie, err)
	}
}
