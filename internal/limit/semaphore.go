// Package limit is the admission control of this process: a Semaphore bounds
// how much runs at the same time, and Failures locks out keys that failed too
// often. The state is in memory; other processes do not see it.
package limit

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrFull is returned by Semaphore.Acquire if MaxWaiting calls wait already.
var ErrFull = errors.New("too many are waiting")

// A Semaphore bounds how many permits are held at the same time, in total and
// by each key, such as a user or a peer. Each acquired permit MUST be released.
//
// A released permit goes to the waiting key that holds the fewest, and among
// equals to the one that waited longest since its last turn. So a key with many
// waiting calls delays another key by one release at most. The waiting calls of
// one key are served in order.
//
// The zero value has no bounds. The bounds MUST NOT change after the first use.
type Semaphore struct {
	// Total bounds the permits of all keys together. 0 means no bound.
	Total int
	// PerKey bounds the permits of one key. 0 means no bound.
	PerKey int
	// MaxWaiting bounds the calls of Acquire that wait. 0 means no bound.
	MaxWaiting int

	mu            sync.Mutex
	held, waiting int
	turn          uint64
	keys          map[string]*holder
}

// A holder is a key that holds permits or waits for them.
type holder struct {
	held int
	// waiters are closed, from the front, when they get their permit.
	waiters []chan struct{}
	// turn orders the waiting keys: it grows with each permit they wait for.
	turn uint64
}

// TryAcquire takes a permit if one is free for the key, and returns how many the
// key then holds.
func (s *Semaphore) TryAcquire(key string) (held int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.holder(key)
	ok = s.take(h)
	s.forget(key)
	return h.held, ok
}

// Acquire waits for a permit for the key. It returns the context's error, or
// ErrFull; then it holds no permit.
func (s *Semaphore) Acquire(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	permit, err := s.enqueue(key)
	if permit == nil || err != nil {
		return err
	}
	select {
	case <-permit:
		return nil
	case <-ctx.Done():
		s.cancel(key, permit)
		return ctx.Err()
	}
}

// Release gives back a permit of the key.
func (s *Semaphore) Release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(key)
}

// Held returns how many permits are held.
func (s *Semaphore) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// Waiting returns how many calls of Acquire wait.
func (s *Semaphore) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// holder returns the key's holder, a new one if there is none. A caller that may
// leave it empty MUST call forget.
func (s *Semaphore) holder(key string) *holder {
	h, ok := s.keys[key]
	if !ok {
		h = &holder{}
		if s.keys == nil {
			s.keys = map[string]*holder{}
		}
		s.keys[key] = h
	}
	return h
}

func (s *Semaphore) forget(key string) {
	if h := s.keys[key]; h.held == 0 && len(h.waiters) == 0 {
		delete(s.keys, key)
	}
}

func (s *Semaphore) take(h *holder) bool {
	if s.Total > 0 && s.held >= s.Total || s.PerKey > 0 && h.held >= s.PerKey {
		return false
	}
	s.held++
	h.held++
	return true
}

// enqueue returns nil if it took a permit, else a channel that is closed when the
// key gets one.
func (s *Semaphore) enqueue(key string) (chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.holder(key)
	defer s.forget(key)
	if s.take(h) {
		return nil, nil
	}
	if s.MaxWaiting > 0 && s.waiting >= s.MaxWaiting {
		return nil, ErrFull
	}
	if len(h.waiters) == 0 {
		s.turn++
		h.turn = s.turn
	}
	permit := make(chan struct{})
	h.waiters = append(h.waiters, permit)
	s.waiting++
	return permit, nil
}

func (s *Semaphore) release(key string) {
	s.held--
	s.keys[key].held--
	s.grant()
	s.forget(key)
}

// grant gives a free permit to the next waiting call, if any key may have it.
func (s *Semaphore) grant() {
	if s.waiting == 0 {
		return
	}
	var next *holder
	for _, h := range s.keys {
		if len(h.waiters) > 0 && (next == nil || h.held < next.held || h.held == next.held && h.turn < next.turn) {
			next = h
		}
	}
	if !s.take(next) {
		return
	}
	close(next.waiters[0])
	next.waiters = next.waiters[1:]
	s.waiting--
	s.turn++
	next.turn = s.turn
}

// cancel removes a waiter, or releases the permit that it got at the same time.
func (s *Semaphore) cancel(key string, permit chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.keys[key]
	i := slices.Index(h.waiters, permit)
	if i < 0 {
		s.release(key)
		return
	}
	h.waiters = slices.Delete(h.waiters, i, i+1)
	s.waiting--
	s.forget(key)
}
