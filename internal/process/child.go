// Package child runs processes that die with the one that started them, also
// when that one is killed.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A Process is a running child. It is in a process group of its own, so that a
// Ctrl-C at the terminal reaches the parent alone, which ends its children in
// its own order.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts the command. If this process dies, by whatever means, the kernel
// sends death to the child (on Linux; elsewhere the child stays). The child's
// timers may be late by a millisecond.
//
// The command's output MUST be nil or an *os.File: a pipe would break with the
// parent and leave what the child says last unsaid.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	sendAtDeath(cmd.SysProcAttr, death)
	p := &Child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts the command and waits for its end on one thread: the kernel takes
// the death of the thread that started a child for the death of its parent. The
// thread ends with the goroutine, which keeps it locked.
func (p *Child) run(started chan<- error) {
	runtime.LockOSThread()
	relaxTimers()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

// PID returns the id of the process.
func (p *Child) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Child) Done() <-chan struct{} { return p.done }

// Err says how the process ended: nil after exit status 0, else an
// *exec.ExitError. It waits for the end.
func (p *Child) Err() error {
	<-p.done
	return p.err
}

// Stop sends the signal, waits for the end, kills the process when that takes
// longer than grace, and returns Err. It may be called after the end.
func (p *Child) Stop(signal os.Signal, grace time.Duration) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	// An error says that it has just ended.
	_ = p.cmd.Process.Signal(signal)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
	}
	return p.Err()
}
