// Package process runs other programs: Start starts a child that dies with this
// process, Program is a child with a log and a file with its id, and Keep restarts
// it when it ends.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A Child is a running child process. It has a process group of its own, so that a
// Ctrl-C at the terminal reaches only the parent, which stops its children in
// order.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts the command. If this process dies, by whatever means, the kernel
// sends the signal death to the child (on Linux only). The child's timers may fire
// a millisecond late.
//
// Output to anything but nil or an *os.File goes through a pipe, which breaks when the
// parent dies and loses the last output of the child.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	sendAtDeath(cmd.SysProcAttr, death)
	c := &Child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return c, nil
}

// run starts the command and waits for it on one thread, because the kernel sends
// the death signal when the thread that started the child ends. A goroutine that
// exits while locked to its thread ends the thread.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	relaxTimers()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	close(c.done)
}

// PID returns the id of the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err waits for the end of the process. It returns nil after exit status 0, else an
// *exec.ExitError.
func (c *Child) Err() error {
	<-c.done
	return c.err
}

// Stop sends the signal, waits for the end, kills the process if that takes longer
// than grace, and returns Err. It may be called after the end.
func (c *Child) Stop(signal os.Signal, grace time.Duration) error {
	_ = c.cmd.Process.Signal(signal) // fails if the process has ended
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		_ = c.cmd.Process.Kill()
	}
	return c.Err()
}
