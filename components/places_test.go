package components

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

// TestPlaces_Fair: a's many hold up neither b nor c, and each one's come in order.
func TestPlaces_Fair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2)
		entered := make(chan string, 10)
		for _, name := range []string{"a1", "a2", "a3", "a4", "b1", "b2", "c1"} {
			go func() {
				if err := p.enter(t.Context(), name[:1]); err != nil {
					t.Error(err)
				}
				entered <- name
			}()
			synctest.Wait() // so that they come in this order
		}
		var order []string
		for range 7 {
			name := <-entered
			order = append(order, name)
			if len(order) > 1 { // two go on at the same time
				p.leave(order[len(order)-2][:1])
			}
		}
		p.leave(order[6][:1])
		if want := []string{"a1", "a2", "b1", "a3", "c1", "b2", "a4"}; !slices.Equal(order, want) {
			t.Errorf("places were given to %v, want %v", order, want)
		}
		if p.free != 2 || len(p.held) != 0 || len(p.waiting) != 0 {
			t.Errorf("%d are free, %v held, %d wait; want 2 and none", p.free, p.held, len(p.waiting))
		}
	})
}

// TestPlaces_Canceled: who goes away takes no place along, also where it was given
// at the same time.
func TestPlaces_Canceled(t *testing.T) {
	t.Parallel()
	p := newPlaces(1)
	for i := range 1000 {
		if !p.tryEnter("a") {
			t.Fatalf("no place after %d", i)
		}
		if p.tryEnter("b") {
			t.Fatal("one place was given twice")
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			err := p.enter(ctx, fmt.Sprint(i))
			if err == nil {
				p.leave(fmt.Sprint(i))
			}
			left <- err
		}()
		go cancel()
		p.leave("a")
		if err := <-left; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
