package aggregators

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// Handlers are the handlers of an aggregator, one a kind of message.
type Handlers []Handler

// A Handler shapes the messages of one kind, or those that have no other
// handler. Make it with On or OnAny.
type Handler struct {
	kind      contract.Kind
	statement func(messagestore.Message) (Statement, error)
}

// On returns the handler of the messages whose contract is M, which names their
// type and category; it panics if M is no contract. The stored message comes
// along, for its stream, positions and metadata. The function is pure: the frame
// may call it several times and apply its statement once. A message that is not as
// M says is skipped where anybody may have written it; an owner's event stops the
// aggregator, whose view would be wrong without it.
func On[M proto.Message](statement func(M, messagestore.Message) Statement) Handler {
	var none M
	return Handler{contract.KindOf(none), func(m messagestore.Message) (Statement, error) {
		event, err := contract.Decode[M](m)
		switch {
		case err != nil && anybodys(m):
			return Skip(err.Error()), nil
		case err != nil:
			return Statement{}, err
		}
		return statement(event, m), nil
	}}
}

// anybodys reports whether a message that is not as its contract says may be
// anybody's: one of a category that is not one component's, or no object, which
// comes of SQL only.
func anybodys(m messagestore.Message) bool {
	c := m.Stream.Category()
	return c.IsCommand() || c == messagestore.PositionCategory || !strings.HasPrefix(m.Data, "{")
}

// anyKind is the kind of the handler of OnAny.
var anyKind = contract.Kind{}

// OnAny returns the handler of every message of the store that has no handler of
// its own, whatever its category. Anybody's message comes to it, so it must
// refuse none. The function is pure, as for On.
func OnAny(statement func(messagestore.Message) Statement) Handler {
	return Handler{anyKind, func(m messagestore.Message) (Statement, error) { return statement(m), nil }}
}

// handler returns who shapes the message, if anybody does: one of a type of ours
// in another category of ours has no handler.
func (f *follower) handler(m messagestore.Message) (Handler, bool) {
	if h, ok := f.handlers[contract.Kind{Category: m.Stream.Category(), Type: m.Type}]; ok {
		return h, true
	}
	h, ok := f.handlers[anyKind]
	return h, ok
}

// subscription returns what the handlers follow.
func (hs Handlers) subscription() (messagestore.Subscription, error) {
	var kinds []contract.Kind
	all := 0
	for _, h := range hs {
		if h.kind == anyKind {
			all++
		} else {
			kinds = append(kinds, h.kind)
		}
	}
	switch {
	case all == 0:
		return contract.Subscription(kinds)
	case all > 1:
		return messagestore.Subscription{}, errors.New("there are two handlers of any message")
	case len(kinds) > 0: // only to refuse a kind that has two handlers
		if _, err := contract.Subscription(kinds); err != nil {
			return messagestore.Subscription{}, err
		}
	}
	return messagestore.Subscription{Source: messagestore.OfAll()}, nil
}
