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
	seed     = flag.Uint64("seed", 0, "of the torture; 0: a new one")
	duration = flag.Duration("duration", 6*time.Second, "of the torture, without start and end")
)

// reachWithin bounds how long, after the chaos, a follower takes to the end of the
// log.
const reachWithin = time.Minute

func TestMain(m *testing.M) { testdb.Main(m) }

// Three servers on one Postgres are written to and followed, and killed, stopped
// and cut off, and Postgres is killed under them. In the end the oracle finds
// nothing.
func TestTorture(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	again := func() {
		t.Logf("again: go test ./internal/check/torture -run TestTorture -v -count=1 -timeout 0 -seed %d -duration %v", *seed, *duration)
	}
	again()
	f := &findings{}
	db, servers := start(t, f)
	writers, followers := newWriters(t, f, servers), newFollowers(t, f, servers)
	c := &chaos{t: t, db: db, servers: servers, random: rand.New(rand.NewPCG(*seed, 0)), counts: map[string]int{}} //nolint:gosec // to be repeated

	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	for _, f := range followers {
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
	lead(followers, db.log(t), false, giveUp)
	// Who follows is at the end of the log, and served from memory: which then
	// grows a last time.
	for _, w := range writers {
		writing.Go(w.finish)
	}
	writing.Wait()
	log := db.log(t)
	lead(followers, log, true, giveUp)

	ledger := f.examine(t, log, writers, followers, servers, db)
	checked := audit.Audit{Database: db.url(), Self: trust + "messagestore", Log: slog.New(slog.DiscardHandler), ProgressEvery: time.Minute}
	if _, err := checked.Run(t.Context(), func(d audit.Damage) error {
		f.add("audit", faultf(failed, "%v", d))
		return nil
	}); err != nil {
		t.Errorf("audit: %v", err)
	}
	t.Logf("seed %d: %d messages in %v; %s; chaos %v", *seed, len(log), *duration, ledger, c.counts)
	for _, f := range followers {
		t.Logf("  %-26s %s", f.name, f)
	}
	if f.found() {
		for _, s := range servers {
			t.Logf("%s said last:\n%s", s.name, s.lastWords())
		}
		again()
	}
	f.report(t) // the last lines are those that everybody sees
}
