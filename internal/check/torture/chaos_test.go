package torture

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// chaos injects faults, determined by a seed.
type chaos struct {
	t       *testing.T
	db      *database
	servers []*server
	random  *rand.Rand
	counts  map[string]int

	snapshot *pgx.Conn
	stopped  sync.WaitGroup
}

// run injects each kind of fault, in random order, repeatedly until the context
// ends. Everything runs again when it returns.
func (c *chaos) run(ctx context.Context) {
	harm := map[string]func(context.Context){
		"server killed":     func(context.Context) { c.server().kill() },
		"server stopped":    c.stop,
		"backend ended":     func(context.Context) { c.endBackends() },
		"postgres killed":   func(context.Context) { c.db.kill(c.t) },
		"snapshot held":     func(context.Context) { c.hold() },
		"connections ended": func(context.Context) { c.endAll() },
	}
	kinds := []string{"server killed", "server stopped", "backend ended", "postgres killed", "snapshot held", "connections ended", "server stopped", "server killed"}
	start := time.Now()
	for n := 0; c.wait(ctx, 200*time.Millisecond, 1200*time.Millisecond); n++ {
		if n%len(kinds) == 0 {
			c.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		}
		kind := kinds[n%len(kinds)]
		c.t.Logf("%7.3fs %s", time.Since(start).Seconds(), kind)
		c.counts[kind]++
		harm[kind](ctx)
	}
	c.stopped.Wait()
	c.release()
}

// wait waits for a random time and reports false if the context ends first.
func (c *chaos) wait(ctx context.Context, least, most time.Duration) bool {
	timer := time.NewTimer(least + time.Duration(c.random.Int64N(int64(most-least))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *chaos) server() *server { return c.servers[c.random.IntN(len(c.servers))] }

// stop stops a server for longer than some timeouts and shorter than others. Other
// faults are injected meanwhile.
func (c *chaos) stop(ctx context.Context) {
	s := c.server()
	timer := time.NewTimer(500*time.Millisecond + time.Duration(c.random.Int64N(int64(6500*time.Millisecond))))
	s.stop()
	c.stopped.Go(func() {
		defer timer.Stop()
		defer s.resume()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	})
}

// endBackends terminates a few sessions of the servers.
func (c *chaos) endBackends() {
	backends := c.db.backends(c.t)
	c.random.Shuffle(len(backends), func(i, j int) { backends[i], backends[j] = backends[j], backends[i] })
	for _, pid := range backends[:min(len(backends), 1+c.random.IntN(4))] {
		_ = syscall.Kill(pid, syscall.SIGTERM) // like pg_terminate_backend
	}
}

// endAll terminates all sessions of the servers at once.
func (c *chaos) endAll() {
	for _, pid := range c.db.backends(c.t) {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
}

// hold replaces the long-running transaction by a new one.
func (c *chaos) hold() {
	c.release()
	c.snapshot = c.db.snapshot(c.t)
}

func (c *chaos) release() {
	if c.snapshot != nil {
		_ = c.snapshot.Close(context.Background()) // Postgres may have been killed under it
		c.snapshot = nil
	}
}
