package limit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

func TestSemaphore_TryAcquire(t *testing.T) {
	t.Parallel()
	s := &Semaphore{Total: 3, PerKey: 2}
	for i, want := range []struct {
		key  string
		held int
		ok   bool
	}{{"a", 1, true}, {"a", 2, true}, {"a", 2, false}, {"b", 1, true}, {"b", 1, false}, {"c", 0, false}} {
		if held, ok := s.TryAcquire(want.key); held != want.held || ok != want.ok {
			t.Errorf("acquisition %d: %s holds %d, %t; want %d, %t", i, want.key, held, ok, want.held, want.ok)
		}
	}
	for _, key := range []string{"a", "a", "b"} {
		s.Release(key)
	}
	checkIdle(t, s)
}

func TestSemaphore_Acquire(t *testing.T) {
	t.Parallel()
	t.Run("Fair", func(t *testing.T) { // many calls of a delay neither b nor c
		synctest.Test(t, func(t *testing.T) {
			s := &Semaphore{Total: 2}
			acquired := acquireAll(t, s, "a1", "a2", "a3", "a4", "b1", "b2", "c1")
			order := []string{<-acquired}
			for len(order) < 7 {
				order = append(order, <-acquired)
				s.Release(order[len(order)-2][:1])
			}
			s.Release(order[6][:1])
			if want := []string{"a1", "a2", "b1", "a3", "c1", "b2", "a4"}; !slices.Equal(order, want) {
				t.Errorf("permits went to %v, want %v", order, want)
			}
			checkIdle(t, s)
		})
	})
	t.Run("PerKey", func(t *testing.T) { // a key at its bound waits while permits are free
		synctest.Test(t, func(t *testing.T) {
			s := &Semaphore{Total: 3, PerKey: 1}
			acquired := acquireAll(t, s, "a1", "a2", "b1")
			first, second := <-acquired, <-acquired
			if s.Waiting() != 1 || first != "a1" || second != "b1" {
				t.Errorf("%s and %s acquired, %d wait; want a1, b1 and 1", first, second, s.Waiting())
			}
			s.Release("b")
			synctest.Wait()
			if s.Waiting() != 1 {
				t.Error("a acquired more than its bound")
			}
			s.Release("a")
			s.Release((<-acquired)[:1])
			checkIdle(t, s)
		})
	})
	t.Run("Full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &Semaphore{Total: 1, MaxWaiting: 1}
			acquired := acquireAll(t, s, "a1", "b1")
			if err := s.Acquire(t.Context(), "c"); !errors.Is(err, ErrFull) {
				t.Errorf("acquire is %v, want ErrFull", err)
			}
			s.Release((<-acquired)[:1])
			s.Release((<-acquired)[:1])
			checkIdle(t, s)
		})
	})
}

// A canceled call keeps no permit, even if it got one at the same time.
func TestSemaphore_AcquireCanceled(t *testing.T) {
	t.Parallel()
	s := &Semaphore{Total: 1}
	for i := range 1000 {
		if _, ok := s.TryAcquire("a"); !ok {
			t.Fatalf("no permit is free after %d rounds", i)
		}
		if _, ok := s.TryAcquire("b"); ok {
			t.Fatal("one permit was given twice")
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			err := s.Acquire(ctx, fmt.Sprint(i))
			if err == nil {
				s.Release(fmt.Sprint(i))
			}
			done <- err
		}()
		go cancel()
		s.Release("a")
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	checkIdle(t, s)
}

// acquireAll calls Acquire for each call in this order, each in a goroutine that
// sends the call's name when it has a permit. A call is named by its key and a number.
func acquireAll(t *testing.T, s *Semaphore, calls ...string) <-chan string {
	t.Helper()
	acquired := make(chan string, len(calls))
	for _, call := range calls {
		go func() {
			if err := s.Acquire(t.Context(), call[:1]); err != nil {
				t.Error(err)
			}
			acquired <- call
		}()
		synctest.Wait()
	}
	return acquired
}

func checkIdle(t *testing.T, s *Semaphore) {
	t.Helper()
	if s.Held() != 0 || s.Waiting() != 0 || len(s.keys) != 0 {
		t.Errorf("%d permits are held by %d keys, %d calls wait; want none", s.Held(), len(s.keys), s.Waiting())
	}
}
