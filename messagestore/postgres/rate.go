package postgres

import "time"

const (
	// busyRate is the number of messages per second from which a log is busy. It is
	// counted over rateWindow, which neither a few coinciding messages nor a delay of
	// tens of milliseconds can fill: a busy log makes views 50 ms late.
	busyRate   = 1000
	rateWindow = 100 * time.Millisecond
)

// A rate measures how many messages come per second.
type rate struct {
	start time.Duration // of the window
	count int
	busy  bool // in the window before
}

// add counts messages at the time now, of any clock, and reports whether the log is
// busy.
func (r *rate) add(now time.Duration, messages int) (busy bool) {
	r.count += messages
	if window := now - r.start; window >= rateWindow {
		r.busy = time.Duration(r.count)*time.Second/busyRate > window
		r.start, r.count = now, 0
	}
	return r.busy
}
