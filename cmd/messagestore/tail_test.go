package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A tailing is a running tail.
type tailing struct {
	cmd            *exec.Cmd
	stdout, stderr *bufio.Scanner
}

func (s *testStore) tail(t *testing.T, args ...string) *tailing {
	t.Helper()
	cmd := s.command(t, "operator", append([]string{"tail"}, args...)...)
	pipe := func(of func() (io.ReadCloser, error)) *bufio.Scanner {
		p, err := of()
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewScanner(p)
	}
	c := &tailing{cmd, pipe(cmd.StdoutPipe), pipe(cmd.StderrPipe)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// awaitLine reads lines up to one with the text.
func awaitLine(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the output ended without %q", text)
}

// end signals the command, which prints no more, and returns its exit code.
func (c *tailing) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for c.stdout.Scan() {
		t.Errorf("also prints %s", c.stdout.Text())
	}
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

// testTail starts at the head of each kind of source, or at the position -from.
func testTail(t *testing.T, s *testStore) {
	s.mustRun(t, "application", "write", "a-1", "Ended")
	for _, test := range []struct{ source, stream string }{
		{"a-1", "a-1"}, {"a-2", "a-2"}, {"a,b", "b-1"}, {"$all", "c:command-1"},
	} {
		c := s.tail(t, "-progress", "-types", "Ended", test.source)
		awaitLine(t, c.stderr, `event="caught up"`)
		s.mustRun(t, "application", "write", test.stream, "Began")
		s.mustRun(t, "application", "write", test.stream, "Ended")
		if !c.stdout.Scan() || !strings.Contains(c.stdout.Text(), "  "+test.stream+"  ") {
			t.Errorf("%s: prints %q", test.source, c.stdout.Text())
		}
		if code := c.end(t, syscall.SIGINT); code != 0 {
			t.Errorf("%s: exit code %d", test.source, code)
		}
	}

	for from, want := range map[string]int64{"start": 0, "0": 0, "1": 1} {
		a := s.mustRun(t, "operator", "tail", "-json", "-from", from, "-limit", "1", "a-1")
		var m messagestorev1.Message
		decodeJSON(t, a.stdout, &m, "stream_name", "global_position")
		if m.Position != want || len(a.lines()) != 1 {
			t.Errorf("from %s: %s", from, a.stdout)
		}
	}
}

// After a restart of the server, tail misses and repeats no message.
func testTailRestart(t *testing.T, s *testStore) {
	c := s.tail(t, "-progress", "$all")
	awaitLine(t, c.stderr, `event="caught up"`)
	s.mustRun(t, "application", "write", "a:command-1", "Happen", `{"n": 1}`)
	awaitLine(t, c.stdout, `{"n": 1}`)
	s.stop()
	awaitLine(t, c.stderr, "subscribe again")
	s.start(t)
	s.mustRun(t, "application", "write", "a:command-1", "Happen", `{"n": 2}`)
	if !c.stdout.Scan() || !strings.HasSuffix(c.stdout.Text(), `{"n": 2}`) {
		t.Errorf("prints %s", c.stdout.Text())
	}
	if code := c.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
