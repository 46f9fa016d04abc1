package components

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// A Projection folds the events of the streams that a decision is made on into a
// state S, from its zero value. Events that it has no fold for are ignored.
type Projection[S any] []Fold[S]

// A Fold folds the events of one kind into a state. Make it with When.
type Fold[S any] struct {
	kind contract.Kind
	fold func(S, messagestore.Message) (S, error)
}

// When returns the fold of the events whose contract is E, which names their type
// and category; it panics if E is no contract. The function is pure.
func When[S any, E proto.Message](fold func(S, E) S) Fold[S] {
	var none E
	return Fold[S]{contract.KindOf(none), func(state S, m messagestore.Message) (S, error) {
		event, err := contract.Decode[E](m)
		if err != nil {
			return state, err
		}
		return fold(state, event), nil
	}}
}

// apply returns the state after the stored event.
func (p Projection[S]) apply(state S, m messagestore.Message) (S, error) {
	kind := contract.Kind{Category: m.Stream.Category(), Type: m.Type}
	for _, f := range p {
		if f.kind == kind {
			return f.fold(state, m)
		}
	}
	return state, nil
}
