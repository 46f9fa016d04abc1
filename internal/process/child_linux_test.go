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

// start starts the test binary in the role, and returns its output.
func start(t *testing.T, role string) (*bufio.Scanner, *Child) {
	t.Helper()
	output, w := pipe(t)
	p, err := Start(as(role, w), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	return output, p
}

func TestStart_Slack(t *testing.T) {
	t.Parallel()
	output, p := start(t, "slack")
	if output.Scan(); output.Text() != "1000000 <nil>" {
		t.Errorf("its slack is %s", output.Text())
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

// The grandchild holds the pipe open: its end is the end of the pipe.
func TestStart_DiesWithItsParent(t *testing.T) {
	t.Parallel()
	output, w := pipe(t)
	parent := as("parent", w)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if !output.Scan() || output.Text() != "up" {
		t.Fatalf("it output %q", output.Text())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if output.Scan() {
		t.Errorf("it output %q, want it dead", output.Text())
	}
}

func TestStop_KillsAfterTheGrace(t *testing.T) {
	t.Parallel()
	output, p := start(t, "stubborn")
	if !output.Scan() || output.Text() != "up" {
		t.Fatalf("it output %q", output.Text())
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
