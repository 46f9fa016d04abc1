package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/testserver"
)

// post sends JSON and returns the answer's status and fields.
func (s *system) post(path, body string, header ...string) (int, map[string]any) {
	s.t.Helper()
	status, answer := s.send(http.MethodPost, s.url+path, body, header...)
	return status, fields(answer)
}

// get returns the fields of an answer, and its status.
func (s *system) get(path string, header ...string) (int, map[string]any) {
	s.t.Helper()
	status, answer := s.ask(http.MethodGet, s.url+path, header...)
	return status, fields(answer)
}

func fields(answer []byte) map[string]any {
	fields := map[string]any{}
	_ = json.Unmarshal(answer, &fields) // no object: no fields
	return fields
}

// logIn returns the header of a session, when the user can log in.
func (s *system) logIn(email, password string) []string {
	s.t.Helper()
	var header []string
	s.until(email+" can log in", func() bool {
		status, answer := s.post("/v1/sessions", fmt.Sprintf(`{"email": %q, "password": %q}`, email, password))
		header = []string{"Authorization", fmt.Sprintf("Bearer %v", answer["token"])}
		return status == http.StatusCreated
	})
	return header
}

// tell runs another command of videotutorials on the system.
func (s *system) tell(args ...string) {
	s.t.Helper()
	said, err := command(s.data, nil, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, said)
	}
}

// mails returns the mails that were sent, as they would be read.
func (s *system) mails() []string {
	var mails []string
	paths, _ := filepath.Glob(filepath.Join(string(s.data), "mail", "*.eml"))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		plain, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(text))) // its header is none
		mails = append(mails, string(plain))
	}
	return mails
}

// Register, the mail and its link, log in, become an administrator, log out; and
// the views are made again without another mail.
func TestPeople(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	status, registered := s.post("/v1/users", `{"email": " Ann@Example.org", "password": "correct horse"}`)
	if status != http.StatusAccepted {
		t.Fatalf("%d %v", status, registered)
	}
	s.until("the registration is done", func() bool {
		_, operation := s.get(fmt.Sprint(registered["operation"]))
		return operation["done"] == true && operation["userId"] == registered["userId"]
	})
	session := s.logIn("ann@example.org", "correct horse")
	if status, answer := s.post("/v1/sessions", `{"email": "ann@example.org", "password": "wrong horse"}`); status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d %v", status, answer)
	}
	if status, answer := s.get("/v1/admin/users", session...); status != http.StatusForbidden {
		t.Errorf("not an administrator: %d %v", status, answer)
	}

	s.until("there is a mail", func() bool { return len(s.mails()) == 1 })
	link := regexp.MustCompile(`http://\S+:confirm\?token=[\w.-]+`).FindString(s.mails()[0])
	if status, answer := s.ask(http.MethodGet, link); status != http.StatusOK {
		t.Errorf("%s: %d %s", link, status, answer)
	}
	s.tell("grant-admin", "ANN@example.org")
	s.until("the administrator sees a confirmed user with one mail", func() bool {
		_, answer := s.get("/v1/admin/users", session...)
		users, _ := answer["users"].([]any)
		if len(users) != 1 {
			return false
		}
		user, _ := users[0].(map[string]any)
		return user["confirmed"] == true && user["admin"] == true && user["registrationEmailSent"] == true && user["loginCount"] == "1"
	})
	_, answer := s.get("/v1/admin/messages?traceId="+fmt.Sprint(registered["traceId"]), session...)
	if messages, _ := answer["messages"].([]any); len(messages) != 7 {
		t.Errorf("the trace has %d messages, want 7: %v", len(messages), answer)
	}

	before := s.rows("user_credentials")
	s.tell("rebuild", "usercredentials")
	s.until("the credentials are the same again", func() bool { return s.rows("user_credentials") == before })
	if status, _ := s.send(http.MethodDelete, s.url+"/v1/sessions/current", "", session...); status != http.StatusNoContent {
		t.Errorf("log out: %d", status)
	}
	s.until("the session has ended", func() bool {
		status, _ := s.get("/v1/admin/users", session...)
		return status == http.StatusUnauthorized
	})
	if n := len(s.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// The debugging drill: 15 registrations while nobody sends mail, then somebody
// does.
func TestPeople_MailLater(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "-only", "messagestore,aggregators,application")
	s.runComponents("identity")
	s.tell("populate")
	traces := func(messages int) bool {
		n := s.count(`select count(*) from (select count(*) as messages from message_store.messages
			where metadata->>'traceId' is not null group by metadata->>'traceId') t where messages = ` + fmt.Sprint(messages))
		return n == 15
	}
	s.until("each trace has 4 messages", func() bool { return traces(4) })
	if n := len(s.mails()); n != 0 {
		t.Errorf("%d mails were sent by nobody", n)
	}
	s.runComponents("sendemail")
	s.until("each trace has 7 messages", func() bool { return traces(7) })
	if n := len(s.mails()); n != 15 {
		t.Errorf("%d mails, want 15", n)
	}
}

// runComponents runs some components beside the system, until the test ends.
func (s *system) runComponents(only string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(binaries, "components"), "-only", only) //nolint:noctx // the cleanup ends it
	cmd.Env = append(foreign(os.Environ()), "VT_PORT="+strconv.Itoa(testserver.FreePort(s.t)), "VT_DATA_DIR="+string(s.data), "VT_CERTS="+s.data.certs(),
		"VT_PUBLIC_URL="+s.url, "VT_MESSAGESTORE_ADDR="+exported(s.t, s, "VT_MESSAGESTORE_ADDR"))
	cmd.Stdout, cmd.Stderr = s.t.Output(), s.t.Output()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// count returns what a query of the message store counts.
func (s *system) count(sql string) (n int) {
	s.t.Helper()
	s.query("VT_PSQL_MESSAGESTORE", sql, &n)
	return n
}

// rows returns a hash of all rows of a view.
func (s *system) rows(table string) (hash string) {
	s.t.Helper()
	s.query("VT_PSQL_VIEWDATA", "select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from "+table+" t", &hash)
	return hash
}

func (s *system) query(database, sql string, to any) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), exported(s.t, s, database))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	if err := conn.QueryRow(s.t.Context(), sql).Scan(to); err != nil {
		s.t.Fatal(err)
	}
}
