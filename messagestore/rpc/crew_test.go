package rpc

import (
	"testing"
	"testing/synctest"
)

// All run at once; of those that are done some are kept, and end in the end.
func TestCrew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		c := &crew{work: make(chan func()), stopping: stopping}
		for range 2 {
			const many = 2 * maxKept
			runs, end := make(chan struct{}, many), make(chan struct{})
			for range many {
				c.run(func() { runs <- struct{}{}; <-end })
			}
			synctest.Wait()
			if len(runs) != many || c.idle.Load() != 0 {
				t.Errorf("%d of %d run, %d are idle", len(runs), many, c.idle.Load())
			}
			close(end)
			synctest.Wait()
			if c.idle.Load() != maxKept {
				t.Errorf("%d are kept, want %d", c.idle.Load(), maxKept)
			}
		}
		close(stopping)
		synctest.Wait()
		if c.idle.Load() != 0 {
			t.Errorf("%d are kept after the end", c.idle.Load())
		}
	})
}
