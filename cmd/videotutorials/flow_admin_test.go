package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// Administrators list users with their log-ins and viewings, messages by every filter,
// streams, categories, types, and the positions of subscribers.
func TestFlow08_Admin(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	admin := s.administrator()
	const videos = 3
	s.videotutorials("populate", "-users", "20", "-videos", fmt.Sprint(videos), "-viewings", "20")
	ann := s.register("ann@example.org").text("userId")
	session := s.logIn("ann@example.org", password)
	if status, _ := s.post("/v1/sessions", `{"email": "ann@example.org", "password": "wrong horse"}`); status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", status)
	}
	var watched []string
	for range 3 {
		video := uuid.NewString()
		watched = append(watched, "viewing-"+video)
		s.post("/v1/videos/"+video+"/viewings", "", session...)
		s.post("/v1/videos/"+video+"/viewings", "") // anonymous
	}
	const mails = 22
	s.until("all mails are sent", func() bool {
		return s.countView("select count(*) from admin_users where registration_email_sent") == mails
	})
	s.until("all videos are published and named", func() bool {
		return s.countView("select count(*) from creators_portal_videos where status = 'published' and name <> ''") == videos
	})
	t.Run("Users", func(t *testing.T) { s.checkUsers(t, admin, mails) })
	t.Run("User", func(*testing.T) {
		s.until("the user has the log-ins and viewings", func() bool {
			_, answer := s.get("/v1/admin/users/"+ann, admin...)
			var logins, viewings []string
			for _, m := range answer.list("logins") {
				logins = append(logins, m.text("type"))
			}
			for _, m := range answer.list("viewings") {
				viewings = append(viewings, m.text("streamName"))
			}
			slices.Sort(viewings)
			slices.Sort(watched)
			return slices.Equal(logins, []string{"UserLoginFailed", "UserLoggedIn"}) && slices.Equal(viewings, watched) &&
				answer.object("user").text("loginCount") == "1"
		})
	})
	t.Run("Messages", func(t *testing.T) { s.checkMessages(t, admin, ann) })
	t.Run("Counts", func(t *testing.T) { s.checkCounts(t, admin) })
	t.Run("Positions", func(t *testing.T) { s.checkPositions(t, admin) })
	t.Run("Unknown", func(t *testing.T) {
		for _, path := range []string{"/v1/admin/users/", "/v1/admin/messages/"} {
			if status, answer := s.get(path+uuid.NewString(), admin...); status != http.StatusNotFound {
				t.Errorf("%s with an unknown id: %d %v, want 404", path, status, answer)
			}
			if status, answer := s.get(path+"nothing", admin...); status != http.StatusBadRequest {
				t.Errorf("%snothing: %d %v, want 400", path, status, answer)
			}
		}
	})
}

func (s *system) checkUsers(t *testing.T, admin []string, want int) {
	t.Helper()
	var emails []string
	for _, user := range s.all("/v1/admin/users", "users", admin) {
		emails = append(emails, user.text("email"))
		if user["registrationEmailSent"] != true {
			t.Errorf("%v: the mail is not sent", user)
		}
	}
	if len(emails) != want || !slices.IsSorted(emails) || len(slices.Compact(emails)) != want {
		t.Errorf("%d users, want %d sorted by address: %v", len(emails), want, emails)
	}
}

// checkMessages compares the list of each filter, and each message, with the stored
// messages. Password hashes are hidden.
func (s *system) checkMessages(t *testing.T, admin []string, user string) {
	t.Helper()
	trace := s.read("type = 'Register' and data->>'userId' = $1", user)[0].Metadata.text("traceId")
	publish := s.read("type = 'PublishVideo'")[0]
	video, publishing := publish.Data.text("videoId"), publish.Metadata.text("traceId")
	for filter, condition := range map[string]string{
		"category=identity":                           "stream_name like 'identity-%'",
		"category=identity:command":                   "stream_name like 'identity:command-%'",
		"stream=identity-" + user:                     "stream_name = 'identity-" + user + "'",
		"type=UserLoggedIn":                           "type = 'UserLoggedIn'",
		"traceId=" + trace:                            "metadata->>'traceId' = '" + trace + "'",
		"userId=" + user:                              "metadata->>'userId' = '" + user + "'",
		"category=viewing&userId=" + user:             "stream_name like 'viewing-%' and metadata->>'userId' = '" + user + "'",
		"type=Registered&category=authentication":     "false",
		"type=Sent&traceId=" + trace:                  "type = 'Sent' and metadata->>'traceId' = '" + trace + "'",
		"type=Registered&stream=identity-" + user:     "type = 'Registered' and stream_name = 'identity-" + user + "'",
		"category=sendEmail&type=Sent&userId=" + user: "type = 'Sent' and metadata->>'userId' = '" + user + "'",
		"category=videoPublishing":                    "stream_name like 'videoPublishing-%'",
		"category=videoPublishing:command":            "stream_name like 'videoPublishing:command-%'",
		"stream=videoPublishing-" + video:             "stream_name = 'videoPublishing-" + video + "'",
		"type=VideoNamed":                             "type = 'VideoNamed'",
		"type=VideoPublished&traceId=" + publishing:   "type = 'VideoPublished' and metadata->>'traceId' = '" + publishing + "'",
		"category=viewing&stream=viewing-" + video:    "stream_name = 'viewing-" + video + "'",
	} {
		var want []string
		for _, m := range s.read(condition) {
			want = append(want, m.ID)
		}
		slices.Reverse(want) // newest first
		s.until(filter+" lists the stored messages", func() bool {
			var got []string
			for _, m := range s.all("/v1/admin/messages?"+filter, "messages", admin) {
				got = append(got, m.text("messageId"))
			}
			return slices.Equal(got, want)
		})
	}
	secrets := 0
	for _, m := range s.read("true") {
		status, body := s.ask(http.MethodGet, s.url+"/v1/admin/messages/"+m.ID, admin...)
		shown := fields(body)
		if status != http.StatusOK || shown.object("message").text("type") != m.Type ||
			shown.object("message").text("streamName") != m.StreamName || shown.object("message").text("globalPosition") != fmt.Sprint(m.GlobalPosition) {
			t.Errorf("%s: %d %s", m, status, body)
		}
		if strings.Contains(string(body), "$2") {
			t.Errorf("%s contains a hash: %s", m, body)
		}
		if hash, has := shown.object("data")["passwordHash"]; has {
			secrets++
			if hash != "***" {
				t.Errorf("%s has the hash %v, want ***", m, hash)
			}
		}
	}
	if secrets == 0 {
		t.Error("no message has a hidden hash")
	}
}

// checkCounts compares the counts of streams, categories and types with the store,
// while no message is written.
func (s *system) checkCounts(t *testing.T, admin []string) {
	t.Helper()
	for list, key := range map[string]string{
		"streams":    "stream_name",
		"categories": "split_part(stream_name, '-', 1)",
		"types":      "type",
	} {
		name := map[string]string{"streams": "streamName", "categories": "category", "types": "type"}[list]
		stored := func() string {
			return query[string](s, "VT_PSQL_MESSAGESTORE", `select string_agg(name || ' ' || n, ', ' order by name collate "C")
				from (select `+key+` as name, count(*) as n from message_store.messages group by 1) counts`)
		}
		s.until(list+" have the counts of the store", func() bool {
			before := stored()
			var got []string
			for _, row := range s.all("/v1/admin/"+list, list, admin) {
				got = append(got, row.text(name)+" "+row.text("messageCount"))
			}
			return strings.Join(got, ", ") == before && stored() == before
		})
	}
	for _, path := range []string{"users", "messages", "streams", "categories", "types", "subscriber-positions"} {
		if _, body := s.ask(http.MethodGet, s.url+"/v1/admin/"+path+"?pageSize=1000", admin...); strings.Contains(string(body), "$2") {
			t.Errorf("%s contains a hash", path)
		}
	}
	stream := s.all("/v1/admin/streams", "streams", admin)[0]
	if status, _ := s.get("/v1/admin/messages/"+stream.text("lastMessageId"), admin...); status != http.StatusOK {
		t.Errorf("the last message of %v: %d", stream, status)
	}
}

// checkPositions waits until each consumer has a position, and checks that a
// registration advances them.
func (s *system) checkPositions(t *testing.T, admin []string) {
	t.Helper()
	positions := func() map[string]int64 {
		at := map[string]int64{}
		for _, p := range s.all("/v1/admin/subscriber-positions", "subscriberPositions", admin) {
			n, err := strconv.ParseInt(p.text("position"), 10, 64)
			if err != nil {
				t.Errorf("position of %v: %v", p, err)
			}
			at[p.text("subscriberId")] = n
		}
		return at
	}
	busy := []string{
		"components:identity:command", "components:identity", "components:identity:sendEmailEvents", "components:send-email",
		"aggregators:user-credentials", "aggregators:admin-users", "aggregators:admin-streams", "aggregators:admin-messages", "aggregators:registrations",
	}
	s.until("all consumers have a position", func() bool {
		at := positions()
		return !slices.ContainsFunc(busy, func(id string) bool { return at[id] == 0 })
	})
	before := positions()
	s.register("later@example.org")
	s.until("all positions have advanced", func() bool {
		at := positions()
		return !slices.ContainsFunc(busy, func(id string) bool { return at[id] <= before[id] })
	})
}
