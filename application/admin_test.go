package application

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// An adminAPI is an api with an administrator's session.
type adminAPI struct {
	*api
	url     string
	session []string
}

func startAdmin(t *testing.T) adminAPI {
	t.Helper()
	a := start(t, Config{})
	return adminAPI{a, a.viewURL, a.session(t, addUser(t, a.viewURL, "admin@example.com", true))}
}

func (o adminAPI) get(t testing.TB, path string, want int) string {
	t.Helper()
	got := o.call(t, "GET", "/v1/admin/"+path, "", o.session...)
	if got.status != want {
		t.Errorf("%s: %d %s, want %d", path, got.status, got.body, want)
	}
	return got.body
}

// message inserts a message into View Data.
func (o adminAPI) message(t testing.TB, position int, stream, kind, trace, user, data string) (id string) {
	t.Helper()
	id = uuid.NewString()
	category, _, _ := strings.Cut(stream, "-")
	insert(t, o.url, `insert into admin_messages (global_position, id, stream_name, position, category, type, trace_id, user_id, time, writer, data, metadata)
		values ($1, $2, $3, 0, $4, $5, nullif($6, '')::uuid, nullif($7, '')::uuid, now(), 'somebody', $8, '{"traceId": "x"}')`,
		position, id, stream, category, kind, trace, user, data)
	return id
}

func TestAdmin_Users(t *testing.T) {
	t.Parallel()
	o := startAdmin(t)
	if got := compact(o.get(t, "users", 200)); got != `{"users":[],"nextPageToken":""}` {
		t.Errorf("none are %s", got)
	}
	insert(t, o.url, "insert into admin_users (id, email, registration_email_sent, confirmed, login_count) values ($1, $2, true, true, 9007199254740993)", aUser, anEmail)
	want := `{"userId":"` + aUser + `","email":"ann@example.com","confirmed":true,"admin":false,"registrationEmailSent":true,"registrationEmailFailure":"","loginCount":"9007199254740993"}`
	if got := compact(o.get(t, "users", 200)); got != `{"users":[`+want+`],"nextPageToken":""}` {
		t.Errorf("users are %s", got)
	}
	o.message(t, 1, "authentication-"+aUser, "UserLoggedIn", "", aUser, "{}")
	o.message(t, 2, "authentication-"+aUser, "UserLoginFailed", "", "", "{}")
	o.message(t, 3, "authentication-"+uuid.NewString(), "UserLoggedIn", "", aUser, "{}")
	o.message(t, 4, "viewing-"+aVideo, "VideoViewed", "", aUser, "{}")
	o.message(t, 5, "viewing-"+aVideo, "VideoViewed", "", "", "{}")
	type list []struct{ Type, StreamName string }
	one := decode[struct {
		User             struct{ UserID string }
		Logins, Viewings list
	}](t, o.get(t, "users/"+strings.ToUpper(aUser), 200))
	if one.User.UserID != aUser || !slices.Equal(one.Viewings, list{{"VideoViewed", "viewing-" + aVideo}}) ||
		!slices.Equal(one.Logins, list{{"UserLoginFailed", "authentication-" + aUser}, {"UserLoggedIn", "authentication-" + aUser}}) {
		t.Errorf("the user is %+v", one)
	}
	// D16: an unknown user is 404.
	o.get(t, "users/"+uuid.NewString(), http.StatusNotFound)
	o.get(t, "users/me", http.StatusBadRequest)
}

func TestAdmin_Messages(t *testing.T) {
	t.Parallel()
	o := startAdmin(t)
	trace := uuid.NewString()
	first := o.message(t, 1, "identity-"+aUser, "Registered", trace, aUser, `{"email": "a", "passwordHash": "***", "n": 1}`)
	o.message(t, 2, "identity:command-"+aUser, "Register", trace, aUser, "{}")
	null := o.message(t, 3, "viewing-"+aVideo, "VideoViewed", "", "", "null")
	for query, want := range map[string]string{
		"":                                   "3 2 1",
		"category=identity":                  "1",
		"category=identity:command":          "2",
		"stream=viewing-" + aVideo:           "3",
		"type=Register":                      "2",
		"traceId=" + trace:                   "2 1",
		"trace_id=" + strings.ToUpper(trace): "2 1",
		"userId=" + aUser:                    "2 1",
		"userId=" + aUser + "&type=Register": "2",
		"category=nothing":                   "",
		"pageSize=2":                         "3 2",
	} {
		page := decode[struct {
			Messages      []struct{ GlobalPosition string }
			NextPageToken string
		}](t, o.get(t, "messages?"+query, 200))
		var got []string
		for _, m := range page.Messages {
			got = append(got, m.GlobalPosition)
		}
		if strings.Join(got, " ") != want || (page.NextPageToken != "") != (query == "pageSize=2") {
			t.Errorf("%s: %q, %q, want %s", query, got, page.NextPageToken, want)
		}
		if page.NextPageToken != "" {
			if next := o.get(t, "messages?pageSize=2&pageToken="+page.NextPageToken, 200); !strings.Contains(next, first) {
				t.Errorf("next page is %s", next)
			}
		}
	}
	one := compact(o.get(t, "messages/"+strings.ToUpper(first), 200))
	for _, part := range []string{`"messageId":"` + first, `"passwordHash":"***"`, `"n":1`, `"metadata":{"traceId":"x"}`, `"writer":"somebody"`, `"traceId":"` + trace} {
		if !strings.Contains(one, part) {
			t.Errorf("%s has no %s", one, part)
		}
	}
	if got := compact(o.get(t, "messages/"+null, 200)); !strings.Contains(got, `"data":{}`) {
		t.Errorf("null is %s", got)
	}
	// D16: an unknown message is 404, and lists are bounded.
	o.get(t, "messages/"+uuid.NewString(), http.StatusNotFound)
	for query, field := range map[string]string{
		"messages/1": "messageId", "messages?traceId=1": "traceId", "messages?userId=1": "userId", "messages?type=%00": "type",
		"messages?pageSize=1001": "pageSize", "messages?pageToken=x": "pageToken", "users?pageSize=-1": "pageSize", "users?pageToken=x": "pageToken",
		"streams?pageSize=1001": "pageSize", "categories?pageToken=x": "pageToken", "types?pageSize=2000": "pageSize", "subscriber-positions?pageToken=%25": "pageToken",
	} {
		bad := o.call(t, "GET", "/v1/admin/"+query, "", o.session...)
		if bad.status != http.StatusBadRequest || !slices.Equal(bad.violations(t), []string{field}) {
			t.Errorf("%s: %d %s", query, bad.status, bad.body)
		}
	}
}

func TestAdmin_Lists(t *testing.T) {
	t.Parallel()
	o := startAdmin(t)
	id := uuid.NewString()
	insert(t, o.url, "insert into admin_streams select 's-' || n, n, $1, n from generate_series(1, 60) n", id)
	insert(t, o.url, "insert into admin_categories select 'c' || n, n from generate_series(1, 60) n")
	insert(t, o.url, "insert into admin_types select 't' || n, n from generate_series(1, 60) n")
	insert(t, o.url, "insert into admin_subscriber_positions select 'p' || n, n, n from generate_series(1, 60) n")
	for list, first := range map[string]string{
		"streams":              `{"streamName":"s-1","messageCount":"1","lastMessageId":"` + id + `","lastMessageGlobalPosition":"1"}`,
		"categories":           `{"category":"c1","messageCount":"1"}`,
		"types":                `{"type":"t1","messageCount":"1"}`,
		"subscriber-positions": `{"subscriberId":"p1","aggregator":false,"position":"1","lag":"59"}`,
	} {
		page, sizes := o.get(t, list, 200), ""
		if !strings.Contains(compact(page), "["+first) {
			t.Errorf("%s are %s", list, page)
		}
		for {
			sizes += fmt.Sprint(strings.Count(page, "{")-1, " ")
			next := decode[struct{ NextPageToken string }](t, page).NextPageToken
			if next == "" {
				break
			}
			page = o.get(t, list+"?pageToken="+next, 200)
		}
		if sizes != "50 10 " {
			t.Errorf("pages of %s have %s", list, sizes)
		}
	}
}
