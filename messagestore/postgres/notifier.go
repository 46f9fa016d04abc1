package postgres

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// A notifier notifies other servers of committed messages, after the commit and
// over its own connection: a notification in the transaction would hold a lock of
// the whole cluster during the flush.
type notifier struct {
	session session
	self    string
	log     *slog.Logger
	wake    chan struct{} // buffered
	// messages is the number of messages committed since the last notification.
	messages atomic.Int64
}

// The minimum time between two notifications. Subscribers of a busy log get a batch
// only every busyBeat.
const (
	notifyInterval     = quietBeat
	notifyBusyInterval = busyBeat / 2
)

// committed records committed messages and wakes the notifier.
func (n *notifier) committed(messages int) {
	n.messages.Add(int64(messages))
	signal(n.wake)
}

func (n *notifier) run(ctx context.Context) error {
	defer n.session.close()
	var written rate
	start := time.Now()
	for {
		select {
		case <-n.wake:
		case <-ctx.Done():
			return nil
		}
		interval := notifyInterval
		if written.add(time.Since(start), int(n.messages.Swap(0))) {
			interval = notifyBusyInterval
		}
		if err := n.notify(ctx); err != nil && ctx.Err() == nil {
			// The others poll every second anyway.
			n.log.Warn("notify the other servers", "error", err)
			n.session.close()
		}
		_ = sleep(ctx, interval) // the loop returns after the context ends
	}
}

func (n *notifier) notify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := n.session.connect(ctx)
	if err == nil {
		_, err = conn.Exec(ctx, "select pg_notify('message_store', $1)", n.self)
	}
	return err
}

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
