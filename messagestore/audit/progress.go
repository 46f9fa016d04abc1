package audit

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A progress says where an audit is.
type progress struct {
	pass atomic.Value // a string
	// rows is how many have come in this pass. While Postgres sorts, none do.
	rows atomic.Int64
}

func (p *progress) enter(pass string) {
	p.rows.Store(0)
	p.pass.Store(pass)
}

// log begins to log the progress, and returns what ends it.
func (p *progress) log(log *slog.Logger, every time.Duration) (end func()) {
	p.enter("begin")
	began, ended := time.Now(), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				log.Info("auditing", "pass", p.pass.Load(), "rows", p.rows.Load(), "after", time.Since(began).Round(time.Millisecond))
			case <-ended:
				return
			}
		}
	})
	return func() { close(ended); group.Wait() }
}
