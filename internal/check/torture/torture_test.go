package torture

import (
	"context"
	"flag"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore/audit"
)

var (
	seed     = flag.Uint64("seed", 0, "seed of the faults; 0: a random one")
	duration = flag.Duration("duration", 6*time.Second, "duration of the fault injection")
)

// reachWithin bounds the time a subscriber needs to reach the head after the faults.
const reachWithin = time.Minute

func TestMain(m *testing.M) { testdb.Main(m) }

// TestTorture writes to and subscribes at three servers on one Postgres while
// servers and Postgres are killed, stopped and disconnected. The oracle must find no
// fault in the end.
func TestTorture(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	repeat := func() {
		t.Logf("repeat with: go test ./internal/check/torture -run TestTorture -v -count=1 -timeout 0 -seed %d -duration %v", *seed, *duration)
	}
	repeat()
	f := &findings{}
	db, servers := start(t, f)
	writers, subscribers := newWriters(t, f, servers), newSubscribers(t, f, servers)
	c := &chaos{t: t, db: db, servers: servers, random: rand.New(rand.NewPCG(*seed, 0)), counts: map[string]int{}} //nolint:gosec // repeatable

	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	for _, f := range subscribers {
		go f.run(ctx)
	}
	tortured, stop := context.WithTimeout(t.Context(), *duration)
	defer stop()
	var writing sync.WaitGroup
	for _, w := range writers {
		writing.Go(func() { w.run(tortured) })
	}
	c.run(tortured)
	writing.Wait()
	for _, s := range servers {
		s.drain(t)
	}
	reachHead(subscribers, db.log(t), false, giveUp)
	// All subscribers are at the head and served from the tail. Write once more.
	for _, w := range writers {
		writing.Go(w.finish)
	}
	writing.Wait()
	log := db.log(t)
	reachHead(subscribers, log, true, giveUp)

	ledger := f.examine(t, log, writers, subscribers, servers, db)
	checked := audit.Audit{Database: db.url(), Self: trust + "messagestore", Log: slog.New(slog.DiscardHandler), ProgressEvery: time.Minute}
	if _, err := checked.Run(t.Context(), func(d audit.Damage) error {
		f.add("audit", faultf(failed, "%v", d))
		return nil
	}); err != nil {
		t.Errorf("audit: %v", err)
	}
	t.Logf("seed %d: %d messages in %v; %s; chaos %v", *seed, len(log), *duration, ledger, c.counts)
	for _, f := range subscribers {
		t.Logf("  %-26s %s", f.name, f)
	}
	if f.found() {
		for _, s := range servers {
			t.Logf("the end of the log of %s:\n%s", s.name, s.logEnd())
		}
		repeat()
	}
	f.report(t) // last, where it is seen
}
