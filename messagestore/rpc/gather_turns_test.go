package rpc

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// TestGather_Turns: where many are under way, those go next that are as many, as
// soon as they are.
func TestGather_Turns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		returned := make(chan struct{})
		g := newGathering(func(together []*passenger) {
			sizes = append(sizes, len(together))
			<-returned
		})
		g.patience = time.Hour
		join := func(writes int) {
			for range writes {
				g.join(&passenger{request: &messagestorev1.WriteRequest{}})
			}
			synctest.Wait()
		}
		leave := func(calls int) {
			for range calls {
				g.leave(1)
			}
			synctest.Wait()
		}
		join(underWay + 20)
		leave(1)
		join(10)
		leave(2) // one is alone still, and 20 are together
		expect := func(what string, want ...int) {
			t.Helper()
			if !slices.Equal(sizes, want) {
				t.Errorf("%s: calls of %v, expected %v", what, sizes, want)
			}
		}
		expect("10 wait for 21", 20)
		join(10)
		expect("20 wait for 21", 20)
		join(1)
		expect("as many", 20, 21)
		join(5)
		leave(1)
		expect("5 wait for 41", 20, 21)
		close(returned)
		synctest.Wait()
		expect("all have returned", 20, 21, 5)
		if g.calls != 0 || g.aboard != 0 {
			t.Errorf("%d calls and %d writes are under way in the end", g.calls, g.aboard)
		}
	})
}

// TestGather_Silent: where a call of many has no answer, what comes next waits for
// it once, and not each time.
func TestGather_Silent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, returned := make(chan int, 1), make(chan struct{})
		g := newGathering(func(together []*passenger) {
			gone <- len(together)
			<-returned
		})
		defer close(returned)
		g.calls, g.aboard = 1, 100
		start := time.Now()
		w := &passenger{request: &messagestorev1.WriteRequest{}}
		if alone := g.join(w); alone || <-gone != 1 || time.Since(start) != gatherFor {
			t.Errorf("alone: %v; it went after %v, expected %v", alone, time.Since(start), gatherFor)
		}
		if !g.join(w) {
			t.Error("the next one waits, too")
		}
	})
}
