package consumer

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"

	"videotutorials/messagestore"
)

// A scripted store has a script for each subscription.
type scripted struct {
	messagestore.Store
	script []func(yield func(messagestore.Event, error) bool)
	asked  []messagestore.Subscription
}

func (s *scripted) Subscribe(_ context.Context, sub messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	s.asked = append(s.asked, sub)
	return s.script[len(s.asked)-1]
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		ahead := &messagestore.AheadError{Position: 9, Head: 8}
		store := &scripted{script: []func(func(messagestore.Event, error) bool){
			func(yield func(messagestore.Event, error) bool) {
				_ = yield(messagestore.Started{}, nil) &&
					yield(messagestore.Messages{{ID: "a", GlobalPosition: 5}, {ID: "b", GlobalPosition: 6}}, nil) &&
					yield(nil, broken)
			},
			func(yield func(messagestore.Event, error) bool) {
				_ = yield(messagestore.Started{}, nil) &&
					yield(messagestore.Progress{Place: messagestore.Place{Position: 9, ID: "c"}}, nil) &&
					yield(nil, context.DeadlineExceeded) // of another context
			},
			func(yield func(messagestore.Event, error) bool) { yield(nil, ahead) },
		}}
		var breaks []error
		var last error
		events := 0
		for event, err := range Follow(t.Context(), store,
			messagestore.Subscription{Source: messagestore.OfAll(), From: 5}, func(err error) { breaks = append(breaks, err) }) {
			if event != nil {
				events++
			}
			last = err
		}
		if !slices.Equal(breaks, []error{broken, context.DeadlineExceeded}) || !errors.Is(last, ahead) || events != 4 {
			t.Errorf("%d events, breaks %v, the end %v", events, breaks, last)
		}
		var places []messagestore.Place
		for i, s := range store.asked {
			if i > 0 && s.From != 0 {
				t.Errorf("subscription %d has From %d beside After", i, s.From)
			}
			if s.After != nil {
				places = append(places, *s.After)
			}
		}
		if !slices.Equal(places, []messagestore.Place{{Position: 6, ID: "b"}, {Position: 9, ID: "c"}}) {
			t.Errorf("subscribed after %v", places)
		}
	})
}
