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
	// crowdCount are one principal's writers besides, who have the time that it takes
	// for their writes to go in one call with others.
	crowdCount = 24
	// pace is how often a writer writes at most.
	pace = 15 * time.Millisecond
	// patience is how long an answer is waited for now and then, more often it is
	// as long as usual, and sometimes hurry: so that the outcome is unknown.
	patience = 3 * time.Second
	ample    = 10 * time.Second
	usual    = 400 * time.Millisecond
	hurry    = 15 * time.Millisecond
	// tries bounds how often a write is tried again.
	tries = 20
	// lastWrites is how often each writes when all is calm again.
	lastWrites = 8
)

// principals are who writes: several writers each. The crowd is one more.
var principals = []string{"ant", "bee", "cat"}

const crowd = "dog"

// A writer writes through all servers, and keeps a ledger.
type writer struct {
	author
	name     string
	who      messagestore.Principal
	wait     time.Duration        // usual, or ample
	stores   []messagestore.Store // of each server
	server   int                  // which one it writes through, as long as that answers
	calm     bool                 // every call must be answered
	findings *findings
	ledger   []*entry
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
				// One stream a principal, in a category of its own.
				contended: messagestore.Category(principal).Stream("contended"),
				versions:  map[messagestore.Stream]messagestore.Version{},
			},
			name: fmt.Sprintf("writer %d", n), who: messagestore.Principal(trust + principal), wait: wait,
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

// run writes until the context ends, and brings what it has begun to its end.
func (w *writer) run(ctx context.Context) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for ctx.Err() == nil {
		<-ticker.C
		w.write(ticker.C)
	}
}

// finish writes a few times more, now that nothing is in the way.
func (w *writer) finish() {
	w.calm = true
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for range lastWrites {
		w.write(ticker.C)
		if e := w.ledger[len(w.ledger)-1]; e.outcome == unknown {
			w.findings.add(w.name, faultf(failed, "no answer to a write to %s, though all is calm", e.writes[0].Stream))
		}
	}
}

// write makes up a write and tries it through one server after the other.
func (w *writer) write(ticks <-chan time.Time) {
	e := &entry{writes: w.next(), writer: w.who}
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

// try makes the call once and reports whether that was the last try: the outcome
// is known, or the writer gives up. Before the first one nothing is on its way.
func (w *writer) try(e *entry, store messagestore.Store, first bool) bool {
	wait := w.wait
	switch n := w.random.IntN(20); {
	case w.calm || n < 3:
		wait = max(wait, patience)
	case n == 3:
		wait = rand.N(hurry) //nolint:gosec // how far a call has come is chance anyway
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
		// An earlier try still succeeds where the stream's first message comes before.
		if first {
			e.outcome = refused
		}
		return true
	case errors.As(err, &conflict) && conflict.Expected < conflict.Actual:
		// Versions only grow: no earlier try can succeed any more.
		e.outcome = refused
		w.versions[conflict.Stream] = conflict.Actual
		return true
	case e.guilty() && mayRefuse(err):
		e.outcome = refused
		return true
	}
	w.findings.add(w.name, faultf(failed, "write to %s: %v", e.writes[0].Stream, err))
	return true
}

// repeat writes again what was acknowledged: it must be answered as before.
func (w *writer) repeat(e *entry, store messagestore.Store) {
	written, err := w.call(e, store, patience)
	switch {
	case err != nil && again(err):
		return
	case err != nil:
		w.findings.add(w.name, faultf(failed, "a write to %s was acknowledged, and then %v", e.writes[0].Stream, err))
		return
	}
	for i := range e.writes {
		if len(e.writes[i].Messages) == 0 {
			continue
		}
		want := e.written[i]
		want.AlreadyStored = true
		if written[i] != want {
			w.findings.add(w.name, faultf(moved, "a write to %s was answered %+v, and again %+v", e.writes[i].Stream, want, written[i]))
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

// again reports whether the outcome is unknown, or nothing was done.
func again(err error) bool {
	var (
		away      *messagestore.UnavailableError
		exhausted *messagestore.ExhaustedError
	)
	return errors.As(err, &away) || errors.As(err, &exhausted) || errors.Is(err, context.DeadlineExceeded)
}

// mayRefuse reports whether the error is what the trigger's exceptions become.
func mayRefuse(err error) bool {
	var invalid *messagestore.InvalidError
	return errors.As(err, &invalid) || errors.Is(err, messagestore.ErrInternal)
}

// guilty reports whether the trigger refuses the write.
func (e *entry) guilty() bool {
	return slices.ContainsFunc(e.writes, func(w messagestore.Write) bool {
		return slices.ContainsFunc(w.Messages, func(m messagestore.NewMessage) bool { return m.Type == guilty })
	})
}
