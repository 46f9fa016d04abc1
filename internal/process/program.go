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

// grace is how long a program may drain before it is killed.
const grace = 30 * time.Second

// A Program is a child process with a log and a file that contains its id.
type Program struct {
	Path string
	Args []string
	// Env is the whole environment.
	Env []string
	// Log is the file to which stdout and stderr are appended. If it is full when
	// the program starts, it is rotated first, as by Rotate.
	Log string
	// PIDFile contains the process id while the program runs.
	PIDFile string
}

// Run runs the program until it ends or the context does.
//
// If the program ends, Run returns an error with its exit status and the line of a
// panic in its log, else its last line; after a signal, the panic or nothing. If
// the context ends, Run sends SIGTERM and returns nil if the program drained. The
// program is killed if this process dies.
func (p Program) Run(ctx context.Context) error {
	_ = rotate(p.Log) // the program runs with a full log, too
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()                      //nolint:errcheck // the program has its own
	cmd := exec.Command(p.Path, p.Args...) //nolint:noctx // the end of the context must not kill it
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, log, log
	begin, _ := log.Seek(0, io.SeekEnd) // 0 if the log is no regular file
	child, err := Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.PIDFile, []byte(strconv.Itoa(child.PID())+"\n"), 0o600); err != nil {
		return errors.Join(err, child.Stop(syscall.SIGTERM, grace))
	}
	defer os.Remove(p.PIDFile) //nolint:errcheck // the process has ended
	select {
	case <-child.Done():
		err := child.Err()
		status := "exit status 0"
		if err != nil {
			status = err.Error()
		}
		if line := lastLine(log, begin, signalOf(err) != 0); line != "" {
			return fmt.Errorf("%s: %s", status, line)
		}
		return errors.New(status)
	case <-ctx.Done():
	}
	err = child.Stop(syscall.SIGTERM, grace)
	if signalOf(err) == syscall.SIGTERM {
		return nil // it had not installed its signal handler yet
	}
	return err
}

// signalOf returns the signal that ended the program, or 0.
func signalOf(err error) syscall.Signal {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return status.Signal()
		}
	}
	return 0
}

// died matches the line with which the Go runtime ends a program. The stack
// follows it.
var died = regexp.MustCompile(`(?m)^(panic|fatal error): .*`)

// lastLine returns the line of a panic that the log has from begin on, else the last
// line, or "" if the program was killed.
func lastLine(log *os.File, begin int64, killed bool) string {
	const (
		maxTail = 64 << 10 // of stacks
		maxLine = 1000
	)
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	if begin > end {
		begin = 0 // it was rotated since
	}
	tail := make([]byte, min(end-begin, maxTail))
	n, _ := log.ReadAt(tail, end-int64(len(tail)))
	tail = bytes.TrimSpace(tail[:n])
	var line []byte
	if all := died.FindAll(tail, -1); len(all) > 0 {
		line = all[len(all)-1]
	} else if !killed {
		line = tail[bytes.LastIndexByte(tail, '\n')+1:]
	}
	return string(line[:min(len(line), maxLine)])
}
