package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"videotutorials/messagestore"
)

const (
	writerCount = 8
	// crowdCount is the number of additional writers of one principal. Their long
	// timeouts let the client batch their writes.
	crowdCount = 24
	// pace is the shortest interval between the writes of a writer.
	pace = 15 * time.Millisecond
	// The timeout of a write is usual, sometimes patience, and sometimes up to hurry,
	// which makes the outcome unknown. The crowd's is ample.
	patience = 3 * time.Second
	ample    = 10 * time.Second
	usual    = 400 * time.Millisecond
	hurry    = 15 * time.Millisecond
	// tries bounds the attempts of a write.
	tries = 20
	// lastWrites is the number of writes of each writer after the faults.
	lastWrites = 8
)

// principals are the writing principals, each with several writers. The crowd is one
// more.
var principals = []string{"ant", "bee", "cat"}

const crowd = "dog"

// A writer writes through all servers and keeps a ledger.
type writer struct {
	author
	name      string
	principal messagestore.Principal
	wait      time.Duration        // usual, or ample
	stores    []messagestore.Store // of each server
	server    int                  // the one it uses while that answers
	calm      bool                 // no faults are injected, so every call must be answered
	findings  *findings
	ledger    []*entry
}

func newWriters(t *testing.T, f *findings, servers []*server) []*writer {
	t.Helper()
	stores := map[string][]messagestore.Store{}
	for _, principal := range append([]string{crowd}, principals...) {
		for _, s := range servers {
			stores[principal] = append(stores[principal], s.dial(t, principal))
		}
	}
	var writers []*writer
	add := func(principal string, nth int, wait time.Duration) {
		n := len(writers)
		writers = append(writers, &writer{
			author: author{
				random: rand.New(rand.NewPCG(*seed, uint64(n)+1)), //nolint:gosec // to be repeated
				own:    messagestore.Category(fmt.Sprintf("%s%d", principal, nth)),
				// One stream per principal, in a category of its own.
				contended: messagestore.Category(principal).Stream("contended"),
				versions:  map[messagestore.Stream]messagestore.Version{},
			},
			name: fmt.Sprintf("writer %d", n), principal: messagestore.Principal(trust + principal), wait: wait,
			stores: stores[principal], findings: f,
		})
	}
	for n := range writerCount {
		add(principals[n%len(principals)], n/len(principals), usual)
	}
	for n := range crowdCount {
		add(crowd, n, ample)
	}
	return writers
}

// run writes until the context ends and finishes the last write.
func (w *writer) run(ctx context.Context) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for ctx.Err() == nil {
		<-ticker.C
		w.write(ticker.C)
	}
}

// finish writes a few more times after the faults.
func (w *writer) finish() {
	w.calm = true
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for range lastWrites {
		w.write(ticker.C)
		if e := w.ledger[len(w.ledger)-1]; e.outcome == unknown {
			w.findings.add(w.name, faultf(failed, "no answer to a write to %s without faults", e.writes[0].Stream))
		}
	}
}

// write generates a write and tries it at one server after the other.
func (w *writer) write(ticks <-chan time.Time) {
	e := &entry{writes: w.next(), writer: w.principal}
	w.ledger = append(w.ledger, e)
	if w.random.IntN(20) == 0 {
		w.server = w.random.IntN(len(w.stores))
	}
	for try := 0; try < tries && !w.try(e, w.stores[w.server], try == 0); try++ {
		w.server = (w.server + 1) % len(w.stores)
		<-ticks
	}
	if e.outcome == acknowledged && w.random.IntN(8) == 0 {
		w.repeat(e, w.stores[w.random.IntN(len(w.stores))])
	}
}

// try makes the call once and reports whether that was the last try: the outcome is
// known, or the writer gives up. First means that no earlier try may still commit.
func (w *writer) try(e *entry, store messagestore.Store, first bool) bool {
	wait := w.wait
	switch n := w.random.IntN(20); {
	case w.calm || n < 3:
		wait = max(wait, patience)
	case n == 3:
		wait = rand.N(hurry) //nolint:gosec // the progress of a call is random anyway
	}
	written, err := w.call(e, store, wait)
	if err == nil {
		e.outcome, e.written = acknowledged, written
		for i := range e.writes {
			w.versions[e.writes[i].Stream] = messagestore.Version(written[i].Position)
		}
		return true
	}
	var conflict *messagestore.VersionConflictError
	switch {
	case again(err):
		return !w.calm && w.random.IntN(10) == 0
	case errors.As(err, &conflict) && conflict.Expected == messagestore.Exists:
		// An earlier try may still succeed after the stream's first message.
		if first {
			e.outcome = rejected
		}
		return true
	case errors.As(err, &conflict) && conflict.Expected < conflict.Actual:
		// Versions only grow: no earlier try can still succeed.
		e.outcome = rejected
		w.versions[conflict.Stream] = conflict.Actual
		return true
	case e.guilty() && mayRefuse(err):
		e.outcome = rejected
		return true
	}
	w.findings.add(w.name, faultf(failed, "write to %s: %v", e.writes[0].Stream, err))
	return true
}

// repeat repeats an acknowledged write, which must be answered as before.
func (w *writer) repeat(e *entry, store messagestore.Store) {
	written, err := w.call(e, store, patience)
	switch {
	case err != nil && again(err):
		return
	case err != nil:
		w.findings.add(w.name, faultf(failed, "a write to %s was acknowledged, its repetition failed: %v", e.writes[0].Stream, err))
		return
	}
	for i := range e.writes {
		if len(e.writes[i].Messages) == 0 {
			continue
		}
		want := e.written[i]
		want.AlreadyStored = true
		if written[i] != want {
			w.findings.add(w.name, faultf(moved, "a write to %s was answered %+v, its repetition %+v", e.writes[i].Stream, want, written[i]))
		}
	}
}

func (w *writer) call(e *entry, store messagestore.Store, wait time.Duration) ([]messagestore.Written, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if len(e.writes) > 1 {
		return store.WriteBatch(ctx, e.writes...)
	}
	one := e.writes[0]
	written, err := store.Write(ctx, one.Stream, one.Expected, one.Messages...)
	return []messagestore.Written{written}, err
}

// again reports whether the call can be repeated: its outcome is unknown, or nothing
// was done.
func again(err error) bool {
	var (
		away      *messagestore.UnavailableError
		exhausted *messagestore.ExhaustedError
	)
	return errors.As(err, &away) || errors.As(err, &exhausted) || errors.Is(err, context.DeadlineExceeded)
}

// mayRefuse reports whether the error can result from an exception of the trigger.
func mayRefuse(err error) bool {
	var invalid *messagestore.InvalidError
	return errors.As(err, &invalid) || errors.Is(err, messagestore.ErrInternal)
}

// guilty reports whether the trigger rejects the write.
func (e *entry) guilty() bool {
	return slices.ContainsFunc(e.writes, func(w messagestore.Write) bool {
		return slices.ContainsFunc(w.Messages, func(m messagestore.NewMessage) bool { return m.Type == guilty })
	})
}
