package rpc

import "sync/atomic"

// maxKept bounds the goroutines that a crew keeps.
const maxKept = 128

// A crew runs functions on goroutines that it keeps: a new one would first have to
// grow its stack, which takes a tenth of the time of a write.
type crew struct {
	work chan func()
	idle atomic.Int32
	// stopping ends those that are kept.
	stopping <-chan struct{}
}

// run lets the function run beside the caller, at once.
func (c *crew) run(f func()) {
	select {
	case c.work <- f:
	default:
		go c.member(f)
	}
}

func (c *crew) member(f func()) {
	for f != nil {
		f()
		f = nil
		if c.idle.Add(1) <= maxKept {
			select {
			case f = <-c.work:
			case <-c.stopping:
			}
		}
		c.idle.Add(-1)
	}
}
