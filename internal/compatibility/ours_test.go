package compatibility_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"videotutorials/internal/testdb"
	"videotutorials/internal/testsystem"
	"videotutorials/messagestore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const password = "correct horse"

// people is what a shell does with a running system: viewings of somebody and of
// nobody, a registration with its mail, one that is refused, log-ins.
const people = `
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
`

// TestOurs has our whole system write, and the original read it.
func TestOurs(t *testing.T) {
	t.Parallel()
	system := testsystem.Start(t)
	log := stored(t, system, people, "RegistrationEmailSent")
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
	} {
		if seen[name] == 0 {
			t.Errorf("nobody has written %s: %v", name, seen)
		}
	}

	v := fold(t, log)
	if v.videosWatched != 2 || len(v.identities) != 1 || len(v.users) != 1 || len(v.credentials) != 1 {
		t.Fatalf("the original sees %+v", v)
	}
	for stream, i := range v.identities {
		if !i.IsRegistered || !i.RegistrationEmailSent || i.Email != "ann@example.org" || string(stream) != "identity-"+textOf(i.ID) {
			t.Errorf("%s is %+v", stream, i)
		}
		if emailID := textOf(v.answers[string(stream)]); !v.emails[messagestore.Stream("sendEmail-"+emailID)] {
			t.Errorf("the original would not learn of the mail: %v, %v", v.answers, v.emails)
		}
		if err := bcrypt.CompareHashAndPassword([]byte(textOf(v.credentials[i.ID])), []byte(password)); err != nil {
			t.Errorf("the original could not log her in: %v", err)
		}
		if u := v.users[i.ID]; u.LoginCount != seen["authentication UserLoggedIn"] || !u.RegistrationEmailSent || u.Email != "ann@example.org" {
			t.Errorf("the original's administrator sees %+v", u)
		}
	}
	expectActors(t, log)
}

// expectActors: whoever acts without a session is null, who tries to log in too.
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
				t.Errorf("UserLoginFailed by %v, want nobody", by)
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

// stored gives the commands, waits for a message of that type, and returns what
// is stored.
func stored(t *testing.T, system *testsystem.System, commands, last string) (log []messagestore.Message) {
	t.Helper()
	said := system.Shell(commands)
	const read = `eval "$(.bin/videotutorials env)"; .bin/messagestore read -json '$all'`
	lines := system.Shell(read)
	for deadline := time.Now().Add(testsystem.Patient); !regexp.MustCompile(`"type": *"` + last + `"`).MatchString(lines); lines = system.Shell(read) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s after:\n%s\n%s", last, said, lines)
		}
	}
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
