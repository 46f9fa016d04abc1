package aggregators

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// Handlers are the handlers of an aggregator, one per message type.
type Handlers []Handler

// A Handler returns the Statement for a message of one type, or for a message that
// has no other handler. On and OnAny return Handlers.
type Handler struct {
	kind      contract.Kind
	statement func(messagestore.Message) (Statement, error)
}

// On returns the handler of the messages with the contract M, which determines
// their type and category. On panics if M is not a contract. The stored message is
// the source for the stream, the positions and the metadata. The function must be
// pure, since the runtime may call it several times and apply its Statement once.
//
// A message that cannot be decoded is skipped if anybody may have written it. If it
// is an event of an owner, it stops the aggregator, whose view would be wrong
// without it.
func On[M proto.Message](statement func(M, messagestore.Message) Statement) Handler {
	var none M
	return Handler{contract.KindOf(none), func(m messagestore.Message) (Statement, error) {
		event, err := contract.Decode[M](m)
		switch {
		case err != nil && writtenByAnybody(m):
			return Skip(err.Error()), nil
		case err != nil:
			return Statement{}, err
		}
		return statement(event, m).checked(), nil
	}}
}

// writtenByAnybody reports whether a message that cannot be decoded may be anybody's:
// its category has no single owner, or its data is not an object, which is possible
// only through SQL.
func writtenByAnybody(m messagestore.Message) bool {
	c := m.Stream.Category()
	return c.IsCommand() || c == messagestore.PositionCategory || !strings.HasPrefix(m.Data, "{")
}

// anyKind is the kind of an OnAny handler.
var anyKind = contract.Kind{}

// OnAny returns the handler of all messages of the store that have no other
// handler. The function must be pure, and must accept any message, since anybody
// may write some.
func OnAny(statement func(messagestore.Message) Statement) Handler {
	return Handler{anyKind, func(m messagestore.Message) (Statement, error) { return statement(m).checked(), nil }}
}

// subscription returns the subscription to the messages with handlers.
func (hs Handlers) subscription() (messagestore.Subscription, error) {
	var kinds []contract.Kind
	for _, h := range hs {
		if h.kind != anyKind {
			kinds = append(kinds, h.kind)
		}
	}
	if len(kinds) == len(hs) {
		return contract.Subscription(kinds)
	}
	if len(kinds) < len(hs)-1 {
		return messagestore.Subscription{}, errors.New("there are two OnAny handlers")
	}
	if len(kinds) > 0 { // refuse two handlers of a kind
		if _, err := contract.Subscription(kinds); err != nil {
			return messagestore.Subscription{}, err
		}
	}
	return messagestore.Subscription{Source: messagestore.OfAll()}, nil
}
