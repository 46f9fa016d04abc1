package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The debugging drill: 15 users register while send-email is stopped, then it runs.
// A user whose mail is not sent can log in.
func TestFlow09_DebuggingDrill(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "-only", "messagestore,aggregators,application")
	s.components("identity")
	s.videotutorials("populate")
	s.until("there are 15 users", func() bool { return s.countView("select count(*) from user_credentials") == 15 })
	s.videotutorials("grant-admin", "user-1-1@example.com")
	admin := s.logIn("user-1-1@example.com", populatePassword)
	sent := func(want bool) bool {
		status, answer := s.get("/v1/admin/users", admin...)
		n := 0
		for _, user := range answer.list("users") {
			if user["registrationEmailSent"] == want {
				n++
			}
		}
		return status == http.StatusOK && n == 15
	}
	traces := func(messages int) bool {
		for _, m := range s.read("type = 'Register'") {
			if _, answer := s.get("/v1/admin/messages?traceId="+m.Metadata.text("traceId"), admin...); len(answer.list("messages")) != messages {
				return false
			}
		}
		return true
	}
	s.until("none of 15 mails is sent", func() bool { return sent(false) })
	s.until("each trace has 4 messages", func() bool { return traces(4) })
	if n := len(s.mails()); n != 0 {
		t.Errorf("%d mails were sent while send-email was stopped", n)
	}
	s.components("sendemail")
	s.until("each trace has 7 messages", func() bool { return traces(7) })
	s.until("all 15 mails are sent", func() bool { return sent(true) })
	if n := len(s.mails()); n != 15 {
		t.Errorf("%d mails, want 15", n)
	}
}

// The autonomy drill: only the application runs, then only components and aggregators,
// then both.
func TestFlow10_AutonomyDrill(t *testing.T) {
	t.Parallel()
	data := newFolder(t)
	s := start(t, data, nil, "-only", "messagestore,application")
	ann := s.register("ann@example.org")
	for range 3 {
		s.view()
	}
	if _, operation := s.get(ann.text("operation")); operation["done"] == true {
		t.Errorf("a registration is done without components: %v", operation)
	}
	if status, answer := s.post("/v1/sessions", registration("ann@example.org")); status != http.StatusUnauthorized {
		t.Errorf("log-in before there are credentials: %d %v", status, answer)
	}
	s.shows("0")
	s.stop()

	s = start(t, data, nil, "-only", "messagestore,components,aggregators")
	s.until("the viewings are counted", func() bool { return s.viewed() == 3 })
	user := ann.text("userId")
	s.until("the user is registered and has a mail", func() bool {
		return s.countView("select count(*) from admin_users where id = $1 and registration_email_sent", user) == 1 &&
			s.countView("select count(*) from user_credentials where id = $1", user) == 1
	})
	s.stop()

	s = start(t, data, nil)
	if _, operation := s.get(ann.text("operation")); operation["done"] != true || operation["userId"] != user {
		t.Errorf("the registration: %v", operation)
	}
	s.shows("3")
	s.logIn("ann@example.org", password)
	if n := len(s.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
	s.stop()

	t.Run("ApplicationAlone", func(t *testing.T) { checkApplicationAlone(t, data) })
}

// viewed returns the count of viewings in the home page's view.
func (s *system) viewed() int {
	s.t.Helper()
	return s.countView("select coalesce(max((page_data->>'videosWatched')::int), 0) from pages")
}

// checkApplicationAlone runs only the message store and the application on existing
// data: they accept commands, and the views do not change.
func checkApplicationAlone(t *testing.T, data folder) {
	t.Helper()
	s := start(t, data, nil, "-only", "messagestore,application")
	s.shows("3")
	s.logIn("ann@example.org", password)
	s.register("bob@example.org")
	s.view()
	if status, answer := s.post("/v1/sessions", registration("bob@example.org")); status != http.StatusUnauthorized {
		t.Errorf("log-in before there are credentials: %d %v", status, answer)
	}
	s.shows("3")
	s.stop()

	s = start(t, data, nil)
	s.shows("4")
	s.logIn("bob@example.org", password)
}

// suspend stops the process by SIGSTOP and waits until each of its threads has
// stopped: the kernel stops them only once one of them was scheduled, which takes a
// while on a busy machine.
func (s *system) suspend(pid int) {
	s.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	s.until("all threads of the process stop", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			s.t.Fatalf("the threads of %d: %v", pid, err)
		}
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			if err == nil && !bytes.Contains(stat, []byte(") T ")) {
				return false
			}
		}
		return true
	})
}

// While the store is stopped, writes are answered with 503 and reads work. When it
// continues, the subscriptions resume.
func TestFlow10_StoreDown(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	s.view()
	s.shows("1")
	pid := s.pids()["messagestore"]
	s.suspend(pid)
	var calls sync.WaitGroup
	for _, call := range [][2]string{{s.viewing, ""}, {s.url + "/v1/users", registration("ann@example.org")}} {
		calls.Go(func() {
			status, body := s.send(http.MethodPost, call[0], call[1])
			if message := fields(body).text("message"); status != http.StatusServiceUnavailable || !strings.Contains(message, "safe") {
				t.Errorf("%s: %d %s, want 503 with a message that a repeat is safe", call[0], status, body)
			}
		})
	}
	calls.Wait()
	s.shows("1")
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// The store may have written the rejected messages when it continued.
	s.until("a user registers", func() bool {
		status, _ := s.post("/v1/users", registration("bob@example.org"))
		return status == http.StatusAccepted
	})
	s.logIn("bob@example.org", password)
	s.view()
	s.until("the home page shows the stored viewings", func() bool {
		_, body := s.ask(http.MethodGet, s.home)
		n := s.count("select count(*) from message_store.messages where type = 'VideoViewed'")
		return n >= 2 && fields(body).text("videosWatched") == fmt.Sprint(n)
	})
}
