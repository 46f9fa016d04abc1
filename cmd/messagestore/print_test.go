package main

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"videotutorials/internal/service"
	"videotutorials/internal/test/testserver"
	"videotutorials/messagestore"
)

func testUsage(t *testing.T, s *testStore) {
	for _, args := range [][]string{
		{}, {"dance"},
		{"write"}, {"write", "a-1"}, {"write", "a-1", "Happened", "{}", "more"},
		{"write", "-expected", "-1", "a-1", "Happened"}, {"write", "-expected", "some", "a-1", "Happened"},
		{"write", "-stdin", "a-1", "Happened"}, {"write", "-stdin", "-id", "x", "a-1"}, {"write", "-stdin", "a-1"},
		{"read"}, {"read", ""}, {"read", "a", "b"}, {"read", "-from", "x", "a"}, {"read", "-group", "1", "a"},
		{"tail"}, {"tail", "-from", "middle", "a"}, {"tail", "-group", "x/y", "a"},
		{"streams", "a", "b"}, {"categories", "a"},
		{"owner"}, {"owner", ""}, {"owner", "a-1"}, {"owner", "a", "b", "c"},
		{"import", "x"}, {"bench"}, {"bench", "-yes", "-writers", "0"}, {"bench", "-yes", "now"},
		{"read", "-addr", "a,b", "a"}, {"read", "-cert", "", "a"},
	} {
		if a := s.run(t, "operator", "", args...); a.code != 2 || a.stderr == "" || a.stdout != "" {
			t.Errorf("%v: exit code %d, stderr %q, printed %q", args, a.code, a.stderr, a.stdout)
		}
	}
	list := s.run(t, "operator", "").stderr
	for _, name := range []string{"serve", "write", "read", "tail", "streams", "categories", "owner", "audit", "import", "bench"} {
		if !strings.Contains(list, "  "+name+" ") {
			t.Errorf("%s is not in the list:\n%s", name, list)
		}
		if help := s.run(t, "operator", "", name, "-help"); help.code != 0 || !strings.Contains(help.stderr, "usage: messagestore "+name) {
			t.Errorf("help of %s: exit code %d: %s", name, help.code, help.stderr)
		}
	}
	if a := s.run(t, "nobody", "", "read", "a"); a.code != 1 || !strings.Contains(a.stderr, "read the certificate: open ") {
		t.Errorf("no such certificate: %+v", a)
	}
}

// An error of the server exits with 1 and prints its reason and a line per violation.
func testErrors(t *testing.T, s *testStore) {
	s.mustRun(t, "application", "write", "a-1", "Happened")
	const id = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	s.mustRun(t, "application", "write", "-id", id, "a-2", "Happened")
	s.mustRun(t, "application", "write", "a:command-1", "Happen")
	for _, test := range []struct {
		stderr string
		args   []string
	}{
		{"INVALID_ARGUMENT\n  stream_name: \"a\" is not category-id\n  messages[0].type: is required\n  messages[0].data: ", []string{"write", "a", "", "[]"}},
		{"VERSION_CONFLICT: write a:command-1: version 0, expected none\n", []string{"write", "-expected", "none", "a:command-1", "Happen"}},
		{"VERSION_CONFLICT: write a:command-1: version 0, expected 7\n", []string{"write", "-expected", "7", "a:command-1", "Happen"}},
		{"ID_CONFLICT: message " + id, []string{"write", "-id", id, "a-1", "Happened"}},
		{"NOT_OWNER: category a is owned by " + string(application) + "\n", []string{"write", "a-1", "Happened"}},
		{"INVALID_ARGUMENT\n  categories.names[1]: is required\n", []string{"read", "a,"}},
		{"INVALID_ARGUMENT\n  filter.consumer_group.member: ", []string{"read", "-group", "3/3", "a"}},
		{"AHEAD_OF_LOG: position 99 is ahead of the log, whose head is 4\n", []string{"tail", "-from", "99", "$all"}},
		{"INVALID_ARGUMENT\n  category: ", []string{"streams", "a-1"}},
		{"NOT_FOUND: category none has no messages, ", []string{"owner", "none"}},
	} {
		if a := s.run(t, "operator", "", test.args...); a.code != 1 || !strings.HasPrefix(a.stderr, "messagestore: "+test.stderr) || a.stdout != "" {
			t.Errorf("%v: exit code %d, stderr %q, want %q", test.args, a.code, a.stderr, test.stderr)
		}
	}
}

// A client accepts no server of another authority.
func testUnknownAuthority(t *testing.T, s *testStore) {
	ours := s.certs
	s.certs = filepath.Join(t.TempDir(), "certs")
	testserver.Certificates(t, s.certs, map[string]string{"operator": "operator"})
	a := s.run(t, "operator", "", "write", "-timeout", "2s", "a-1", "Happened")
	if a.code != 1 || !strings.HasPrefix(a.stderr, "messagestore: DEADLINE_EXCEEDED: ") || !strings.Contains(a.stderr, "certificate signed by unknown authority") {
		t.Errorf("%+v", a)
	}
	s.certs = ours
	if a := s.run(t, "operator", "", "read", "-ca", filepath.Join(s.certs, "operator.key"), "a"); a.code != 1 || !strings.Contains(a.stderr, "operator.key has none") {
		t.Errorf("a key as the authority: %+v", a)
	}
}

// An interrupted command other than tail exits with 1.
func testInterrupted(t *testing.T, s *testStore) {
	s.addr = service.Addr(testserver.FreePort(t), service.MessageStorePort) // without a server
	cmd := s.command(t, "operator", "write", "-timeout", "1m", "-id", "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", "a-1", "Happened", "-")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It takes more than a pipe holds only when it reads, with signals caught.
	if _, err := fmt.Fprintf(input, `{"a": %q}`, strings.Repeat("x", 1<<17)); err != nil {
		t.Fatal(err)
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(stderr.String(), "messagestore: interrupted: ") ||
		!strings.Contains(stderr.String(), "; perhaps it is stored: repeating it is safe with -id 5f0c1d5e-") {
		t.Errorf("exit code %d, stderr %q", cmd.ProcessState.ExitCode(), stderr.String())
	}
}

// A command ends without an error message when its reader closes the pipe, as head does.
func testBrokenPipe(t *testing.T, s *testStore) {
	s.run(t, "operator", strings.Repeat(`{"type": "Happened", "data": {"a": "`+strings.Repeat("x", 1000)+`"}}`, 1000), "write", "-stdin", "a-1")
	cmd := s.command(t, "operator", "read", "a")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "a-1  0  Happened") {
		t.Errorf("%q %v", line, err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("stderr is %q", stderr.String())
	}
}

// Every error of the store has a reason, and one of another kind is left alone.
func TestReadable(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"ID_CONFLICT: ":        &messagestore.IDConflictError{},
		"NOT_READER: ":         &messagestore.NotReaderError{},
		"NOT_OPERATOR: ":       &messagestore.NotOperatorError{},
		"LOG_DIVERGED: ":       &messagestore.DivergedError{},
		"RESOURCE_EXHAUSTED: ": &messagestore.ExhaustedError{Reason: "queue full", RetryAfter: time.Second},
		"UNAVAILABLE: ":        &messagestore.UnavailableError{Reason: "away"},
		"UNAUTHENTICATED: ":    messagestore.ErrUnauthenticated,
		"INTERNAL: ":           messagestore.ErrInternal,
		"DEADLINE_EXCEEDED: ":  context.DeadlineExceeded,
		"no stream":            &service.UsageError{Reason: "no stream"},
	} {
		if got := readable("", fmt.Errorf("%w", err)).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("%T: %q, want %q", err, got, want)
		}
	}
	if got := readable("", nil); got != nil {
		t.Errorf("nil: %v", got)
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"a": "ü\n"}`:        `{"a": "ü\n"}`,
		"{\"a\": \"\x7f\"}":   `{"a": "\u007f"}`,
		"{\"a\": \"\u009b\"}": `{"a": "\u009b"}`,
	} {
		if got := escape(data); got != want {
			t.Errorf("%q: %s, want %s", data, got, want)
		}
	}
}
