package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// grace is how long a program may take to drain before it is killed.
const grace = 30 * time.Second

// A Program is a process with a log and a file that has its id.
type Program struct {
	Path string
	Args []string
	// Env is the whole environment.
	Env []string
	// Log takes what it writes to stdout and stderr, after what is there. A log
	// that is full is put aside first, as Rotate does.
	Log string
	// PIDFile has its id while it runs.
	PIDFile string
}

// Run runs the program until it ends, and returns how, with its last words: the
// line of a panic, else the last one, unless a signal has ended it, of which it
// could say nothing; or until the context ends: then it is told by
// SIGTERM to drain, and Run returns nil if it did. It is killed at once if this
// process dies.
func (p Program) Run(ctx context.Context) error {
	_ = rotate(p.Log) // a log that cannot be put aside is no reason not to run
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()                      //nolint:errcheck // the program has its own
	cmd := exec.Command(p.Path, p.Args...) //nolint:noctx // the context's end is no reason to kill it
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, log, log
	begin, _ := log.Seek(0, io.SeekEnd) // 0 where it is no file
	child, err := Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.PIDFile, []byte(strconv.Itoa(child.PID())+"\n"), 0o600); err != nil {
		return errors.Join(err, child.Stop(syscall.SIGTERM, grace))
	}
	defer os.Remove(p.PIDFile) //nolint:errcheck // of a process that has ended
	select {
	case <-child.Done():
		err := child.Err()
		if words := lastWords(log, begin, signaled(err)); words != "" {
			return fmt.Errorf("%s: %s", describe(err), words)
		}
		return errors.New(describe(err))
	case <-ctx.Done():
	}
	return unlessTerminated(child.Stop(syscall.SIGTERM, grace))
}

// unlessTerminated returns nil for the end of a program that was told to drain
// before it could listen to signals.
func unlessTerminated(err error) error {
	if signaled(err) == syscall.SIGTERM {
		return nil
	}
	return err
}

// signaled returns the signal that has ended the program, or 0.
func signaled(err error) syscall.Signal {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return status.Signal()
		}
	}
	return 0
}

func describe(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// died is the line with which Go's runtime ends a program; its stack is behind it.
var died = regexp.MustCompile(`(?m)^(panic|fatal error): .*`)

// lastWords returns why the program has died, if it has said so since the log had
// that size, else the last line, as far as it fits; or nothing if it was killed by
// a signal.
func lastWords(log *os.File, begin int64, killed syscall.Signal) string {
	const (
		most    = 64 << 10 // of stacks
		longest = 1000
	)
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	if begin > end {
		begin = 0 // it was put aside since
	}
	tail := make([]byte, min(end-begin, most))
	n, _ := log.ReadAt(tail, end-int64(len(tail)))
	tail = bytes.TrimSpace(tail[:n])
	words := tail[bytes.LastIndexByte(tail, '\n')+1:]
	if killed != 0 {
		words = nil
	}
	if all := died.FindAll(tail, -1); len(all) > 0 {
		words = all[len(all)-1]
	}
	return string(words[:min(len(words), longest)])
}
