package components

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// A Projection folds events into a state S, starting from its zero value. Events
// without a fold are ignored.
type Projection[S any] []Fold[S]

// A Fold folds events of one kind into a state. Make it with When.
type Fold[S any] struct {
	kind contract.Kind
	fold func(S, messagestore.Message) (S, error)
}

// When returns the fold of events of contract E, which determines their type and
// category. fold is pure. When panics if E is not a contract.
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

func (p Projection[S]) apply(state S, m messagestore.Message) (S, error) {
	for _, f := range p {
		if f.kind == kindOf(m) {
			return f.fold(state, m)
		}
	}
	return state, nil
}
