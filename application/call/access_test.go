package call

import (
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Each method is in the table on purpose: missing ones are for administrators.
func TestAccessOf(t *testing.T) {
	t.Parallel()
	want := map[string]Access{
		"GET /v1/home":                           Guests,
		"POST /v1/videos/{video_id}/viewings":    Guests,
		"POST /v1/users":                         Anyone,
		"GET /v1/registrations/{trace_id}":       Anyone,
		"GET /v1/users/{user_id}:confirm":        Anyone,
		"POST /v1/sessions":                      Anyone,
		"DELETE /v1/sessions/current":            Users,
		"POST /v1/me/videos":                     Users,
		"GET /v1/me/videos":                      Users,
		"GET /v1/me/videos/{video_id}":           Users,
		"POST /v1/me/videos/{video_id}:name":     Users,
		"POST /v1/me/videos/{video_id}:describe": Users,
		"GET /v1/me/operations/{trace_id}":       Users,
		"GET /v1/admin/users":                    Admins,
		"GET /v1/admin/users/{user_id}":          Admins,
		"GET /v1/admin/messages":                 Admins,
		"GET /v1/admin/messages/{message_id}":    Admins,
		"GET /v1/admin/streams":                  Admins,
		"GET /v1/admin/categories":               Admins,
		"GET /v1/admin/types":                    Admins,
		"GET /v1/admin/subscriber-positions":     Admins,
	}
	all := NewRoutes()
	for _, r := range all {
		if need, ok := want[r.Verb+" "+string(r.Template)]; !ok || AccessOf(r.Method) != need {
			t.Errorf("%s %s has access %d", r.Verb, r.Template, AccessOf(r.Method))
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d routes, want %d", len(all), len(want))
	}
	if AccessOf("/application.v1.NewService/New") != Admins {
		t.Error("a method that is not in the table is not for administrators")
	}
}

type networkAddr string

func (networkAddr) Network() string  { return "test" }
func (a networkAddr) String() string { return string(a) }

func TestPeer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr, forwarded, want string
	}{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "192.0.2.9", "192.0.2.1"}, // only the gateway's metadata counts
		{"[2001:db8:1:2:3::4]:5", "", "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
		{"", "192.0.2.1", "192.0.2.1"},
		{"", "10.0.0.1, nonsense, 192.0.2.1", "192.0.2.1"},
		{"", "fe80::1%eth0", "fe80::/64"},
		{"", "", ""},
		{"bufconn", "192.0.2.1", ""},
		{"", "nonsense", ""},
	} {
		ctx := t.Context()
		if c.addr != "" { // the gateway's calls have no peer
			ctx = peer.NewContext(ctx, &peer.Peer{Addr: networkAddr(c.addr)})
		}
		ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("x-forwarded-for", c.forwarded))
		if got := Peer(ctx); got != c.want {
			t.Errorf("%s for %q is %q, want %q", c.addr, c.forwarded, got, c.want)
		}
	}
}
