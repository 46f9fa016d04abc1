package compatibility_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testsystem"
	"videotutorials/messagestore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const password = "correct horse"

// requests are shell commands that use a running system: an anonymous viewing and one
// of a user, a registration with its mail, a failed and a successful log-in, a video
// that is published and named, a rejected name, and an unreachable source.
const requests = `
eval "$(.bin/videotutorials env)"
post() { curl -sS -X POST "$VT_HTTP_URL/v1/$1" "${@:2}"; echo; }
register() { post users -d '{"email": "'$1'", "password": "` + password + `"}'; }
log_in() { post sessions -d '{"email": "ann@example.org", "password": "'"$1"'"}'; }
video=5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b
post videos/$video/viewings
register ann@example.org
until psql "$VT_PSQL_VIEWDATA" -tAc "select 'there' from user_credentials" | grep -q there; do sleep 0.1; done
log_in wrong-password
token=$(log_in "` + password + `" | sed 's/.*"token": *"\([^"]*\)".*/\1/')
post videos/$video/viewings -H "Authorization: Bearer $token"
mine() { post "me/$1" -H "Authorization: Bearer $token" "${@:2}"; }
over() { until curl -sS "$VT_HTTP_URL$(sed 's/.*"operation": *"\([^"]*\)".*/\1/')?wait=5s" -H "Authorization: Bearer $token" | grep -q '"done": *true'; do sleep 0.1; done; }
ffmpeg -nostdin -loglevel error -f lavfi -i testsrc2=size=160x120:duration=1 film.webm
source=$(mine uploads -H 'Content-Type: video/webm' --data-binary @film.webm | sed 's/.*"sourceUri": *"\([^"]*\)".*/\1/')
mine videos -d '{"videoId": "'$video'", "sourceUri": "'$source'"}' | tee publish
over <publish
mine videos/$video:name -d '{"name": " Lesson 1 "}' | tee name
over <name
mine videos/$video:name -d '{"name": " "}' | tee blank
over <blank
mine videos -d '{"sourceUri": "http://videotutorials.invalid/film.mp4"}' | tee unreachable
over <unreachable
until .bin/messagestore read -json '$all' | grep -q RegistrationEmailSent; do sleep 0.1; done
`

// TestSystem_Messages lets the whole system write messages and checks that the
// original can read them and derives the right views.
func TestSystem_Messages(t *testing.T) {
	t.Parallel()
	system := testsystem.Start(t, nil)
	log := stored(t, system, requests, "VideoPublishingFailed")
	seen := map[string]int{}
	for _, m := range log {
		seen[nameOf(m)]++
		if !slices.Contains(beyond, nameOf(m)) {
			expectReadable(t, m)
		}
	}
	for _, name := range []string{
		"viewing VideoViewed", "identity:command Register", "identity Registered", "identity RegistrationEmailSent", "sendEmail:command Send",
		"sendEmail Sent", "authentication UserLoggedIn", "authentication UserLoginFailed",
		"videoPublishing:command PublishVideo", "videoPublishing VideoPublished", "videoPublishing VideoPublishingFailed",
		"videoPublishing:command NameVideo", "videoPublishing VideoNamed", "videoPublishing VideoNameRejected",
	} {
		if seen[name] == 0 {
			t.Errorf("%s was not written: %v", name, seen)
		}
	}

	v := fold(t, log)
	if v.videosWatched != 2 || len(v.identities) != 1 || len(v.users) != 1 || len(v.credentials) != 1 {
		t.Fatalf("the original's views are %+v", v)
	}
	for stream, i := range v.identities {
		if !i.IsRegistered || !i.RegistrationEmailSent || i.Email != "ann@example.org" || string(stream) != "identity-"+textOf(i.ID) {
			t.Errorf("%s is %+v", stream, i)
		}
		if emailID := textOf(v.answers[string(stream)]); !v.emails[messagestore.Stream("sendEmail-"+emailID)] {
			t.Errorf("the original does not see that the mail was sent: %v, %v", v.answers, v.emails)
		}
		if err := bcrypt.CompareHashAndPassword([]byte(textOf(v.credentials[i.ID])), []byte(password)); err != nil {
			t.Errorf("the original cannot verify the password: %v", err)
		}
		if u := v.users[i.ID]; u.LoginCount != seen["authentication UserLoggedIn"] || !u.RegistrationEmailSent || u.Email != "ann@example.org" {
			t.Errorf("the original's admin_users has %+v", u)
		}
	}
	for id, row := range v.videos {
		if len(v.videos) != 1 || row.Name != "Lesson 1" || row.TranscodedURI != "/media/"+id || v.users[row.OwnerID].Email != "ann@example.org" {
			t.Errorf("the original's creators_portal_videos has %+v", v.videos)
		}
	}
	if len(v.operations) != 2 {
		t.Errorf("the original's video_operations has %v, want one success and one failure", v.operations)
	}
	expectActors(t, log)
}

// expectActors checks userId in the metadata: the acting user, or null without a
// session and for a failed log-in.
func expectActors(t *testing.T, log []messagestore.Message) {
	t.Helper()
	var anonymous int
	for _, m := range log {
		data, by := object(t, m.Data), object(t, m.Metadata)["userId"]
		switch m.Type {
		case "VideoViewed":
			if by != data["userId"] {
				t.Errorf("VideoViewed by %v, in the data by %v", by, data["userId"])
			}
			if by == nil {
				anonymous++
			}
		case "UserLoginFailed":
			if by != nil {
				t.Errorf("UserLoginFailed by %v, want null", by)
			}
		case "PublishVideo", "VideoPublished", "VideoPublishingFailed":
			if by != data["ownerId"] {
				t.Errorf("%s by %v, want the owner %v", m.Type, by, data["ownerId"])
			}
		case "Register", "Registered", "RegistrationEmailSent", "UserLoggedIn":
			if by != data["userId"] {
				t.Errorf("%s by %v, want %v", m.Type, by, data["userId"])
			}
		}
	}
	if anonymous != 1 {
		t.Errorf("%d anonymous viewings, want 1", anonymous)
	}
}

// stored runs the commands, waits until a message of type last is stored, and
// returns the log.
func stored(t *testing.T, system *testsystem.System, commands, last string) (log []messagestore.Message) {
	t.Helper()
	system.Shell(commands)
	var lines string
	wanted := regexp.MustCompile(`"type": *"` + last + `"`)
	running.Until(t, "a message "+last, func() bool {
		lines = system.Shell(`eval "$(.bin/videotutorials env)"; .bin/messagestore read -json '$all'`)
		return wanted.MatchString(lines)
	})
	for line := range strings.Lines(lines) {
		var m struct {
			Stream   messagestore.Stream `json:"stream_name"`
			Type     string
			Data     string
			Metadata string
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", line, err))
		}
		log = append(log, messagestore.Message{Stream: m.Stream, Type: m.Type, Data: m.Data, Metadata: m.Metadata})
	}
	return log
}
