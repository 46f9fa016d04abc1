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
	mu   sync.Mutex
	free int
	held map[string]int
	// waiting is who waits, who was given a place last at the end. While one is
	// free, nobody waits.
	waiting []*queue
}

// A queue is what one waits for: each place is given by closing the channel.
type queue struct {
	whose  string
	places []chan struct{}
}

func newPlaces(n int) *places {
	return &places{free: n, held: map[string]int{}}
}

// tryEnter reports whether there was a free place. Then the caller MUST leave it.
func (p *places) tryEnter(whose string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take(whose)
}

// enter waits for a place, which the caller MUST leave, or returns the context's
// error.
func (p *places) enter(ctx context.Context, whose string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.take(whose) {
		p.mu.Unlock()
		return nil
	}
	place := make(chan struct{})
	q := p.queueOf(whose)
	q.places = append(q.places, place)
	p.mu.Unlock()
	select {
	case <-place:
		return nil
	case <-ctx.Done():
		p.cancel(whose, place)
		return ctx.Err()
	}
}

// leave gives the place to the next.
func (p *places) leave(whose string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(whose)
}

func (p *places) take(whose string) bool {
	if p.free == 0 {
		return false
	}
	p.free--
	p.held[whose]++
	return true
}

func (p *places) release(whose string) {
	p.free++
	if p.held[whose]--; p.held[whose] == 0 {
		delete(p.held, whose)
	}
	if len(p.waiting) == 0 {
		return
	}
	q := slices.MinFunc(p.waiting, func(a, b *queue) int { return p.held[a.whose] - p.held[b.whose] })
	p.take(q.whose)
	close(q.places[0])
	q.places = q.places[1:]
	p.remove(q)
	if len(q.places) > 0 {
		p.waiting = append(p.waiting, q)
	}
}

// cancel gives back a place that is no longer wanted, or that was given at the
// same time.
func (p *places) cancel(whose string, place chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-place:
		p.release(whose)
		return
	default:
	}
	q := p.queueOf(whose)
	i := slices.Index(q.places, place)
	if q.places = slices.Delete(q.places, i, i+1); len(q.places) == 0 {
		p.remove(q)
	}
}

// queueOf returns the queue, which is a new one where nobody of it waits.
func (p *places) queueOf(whose string) *queue {
	i := slices.IndexFunc(p.waiting, func(q *queue) bool { return q.whose == whose })
	if i < 0 {
		i = len(p.waiting)
		p.waiting = append(p.waiting, &queue{whose: whose})
	}
	return p.waiting[i]
}

func (p *places) remove(q *queue) {
	i := slices.Index(p.waiting, q)
	p.waiting = slices.Delete(p.waiting, i, i+1)
}
