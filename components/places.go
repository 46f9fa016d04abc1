package components

import (
	"context"
	"slices"
	"sync"
)

// places bound what is done at the same time. Of those who wait for one, it goes
// to who holds the fewest, and of these in turns: who wants many holds up nobody
// for longer than one takes.
type places struct {
	mu      sync.Mutex
	free    int
	held    map[string]int
	waiting []*waiter
}

// A waiter waits for a place.
type waiter struct {
	whose string
	// given is closed when the place is the waiter's.
	given chan struct{}
}

func newPlaces(n int) *places {
	return &places{free: n, held: map[string]int{}}
}

// tryEnter reports whether there was a free place. Then the caller MUST leave it.
func (p *places) tryEnter(whose string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 {
		return false
	}
	p.free--
	p.held[whose]++
	return true
}

// enter waits for a place, which the caller MUST leave, or returns the context's
// error.
func (p *places) enter(ctx context.Context, whose string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.tryEnter(whose) {
		return nil
	}
	w := &waiter{whose, make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.give()
	p.mu.Unlock()
	select {
	case <-w.given:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, w)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // it was given at the same time
		p.leave(whose)
	}
	return ctx.Err()
}

// leave gives the place to the next.
func (p *places) leave(whose string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if p.held[whose]--; p.held[whose] == 0 {
		delete(p.held, whose)
	}
	p.give()
}

// give gives what is free to those who wait.
func (p *places) give() {
	for p.free > 0 && len(p.waiting) > 0 {
		next := 0
		for i, w := range p.waiting {
			if p.held[w.whose] < p.held[p.waiting[next].whose] {
				next = i
			}
		}
		w := p.waiting[next]
		p.waiting = slices.Delete(p.waiting, next, next+1)
		p.others(w.whose)
		p.free--
		p.held[w.whose]++
		close(w.given)
	}
}

// others puts those first who wait for others.
func (p *places) others(whose string) {
	var same []*waiter
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if w.whose == whose {
			same = append(same, w)
		}
		return w.whose == whose
	})
	p.waiting = append(p.waiting, same...)
}
