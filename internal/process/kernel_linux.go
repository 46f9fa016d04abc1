package process

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func sendAtDeath(attributes *syscall.SysProcAttr, death syscall.Signal) {
	attributes.Pdeathsig = death
}

// slack is how late the timers of children may be. As long as anything runs in a
// Go program, its runtime looks after its threads each 20 µs: that is a tenth of
// the processor's time that a busy part takes, and wakes the processor for it.
const slack = time.Millisecond

// relaxTimers sets the slack for what this thread starts. Until the thread ends it
// is the thread's own, too.
func relaxTimers() {
	// A kernel that refuses leaves it at 50 µs, which is right as well.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0)
}
