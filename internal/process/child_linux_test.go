//go:build linux

package process

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func pipe(t *testing.T) (*bufio.Scanner, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return bufio.NewScanner(r), w
}

// start starts the test binary as that, and returns what it says.
func start(t *testing.T, what string) (*bufio.Scanner, *Child) {
	t.Helper()
	said, w := pipe(t)
	p, err := Start(as(what, w), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	return said, p
}

func TestStart_Slack(t *testing.T) {
	t.Parallel()
	said, p := start(t, "slack")
	if said.Scan(); said.Text() != "1000000 <nil>" {
		t.Errorf("its slack is %s", said.Text())
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

// The grandchild holds the pipe open: its end is the end of the pipe.
func TestStart_DiesWithItsParent(t *testing.T) {
	t.Parallel()
	said, w := pipe(t)
	parent := as("parent", w)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if !said.Scan() || said.Text() != "up" {
		t.Fatalf("it said %q", said.Text())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if said.Scan() {
		t.Errorf("it said %q, want it dead", said.Text())
	}
}

func TestStop_KillsAfterTheGrace(t *testing.T) {
	t.Parallel()
	said, p := start(t, "stubborn")
	if !said.Scan() || said.Text() != "up" {
		t.Fatalf("it said %q", said.Text())
	}
	var exit *exec.ExitError
	if err := p.Stop(syscall.SIGTERM, time.Millisecond); !errors.As(err, &exit) || exit.Exited() {
		t.Errorf("got %v, want it killed", err)
	}
	if err := p.Stop(syscall.SIGTERM, time.Millisecond); !errors.As(err, &exit) {
		t.Errorf("the second time: got %v", err)
	}
}

func TestStart_NoSuchProgram(t *testing.T) {
	t.Parallel()
	if _, err := Start(exec.Command("/nowhere/at/all"), syscall.SIGKILL); !errors.Is(err, os.ErrNotExist) { //nolint:noctx // it does not start
		t.Errorf("got %v", err)
	}
}
