package aggregators

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/contract"
	"videotutorials/messagestore"
)

// An Aggregator shapes events into tables of View Data, of which it is the only
// writer.
type Aggregator struct {
	// ID names the aggregator and its position, for ever:
	// `aggregators:home-page`.
	ID string
	// Tables are its tables, unqualified; a rebuild empties them.
	Tables []string
	// Init is one statement that inserts the rows that must exist at the start,
	// unless they do. Defaults to none.
	Init string
	// Handlers are what it does. Their categories are one subscription.
	Handlers Handlers
}

// Handlers are the handlers of an aggregator, one a kind of message.
type Handlers []Handler

// A Handler shapes the messages of one kind. Make it with On.
type Handler struct {
	kind      contract.Kind
	statement func(messagestore.Message) (Statement, error)
}

// A Statement is one SQL statement. It names tables without their schema.
type Statement struct {
	SQL  string
	Args []any
}

// On returns the handler of the messages whose contract is M, which names their
// type and category; it panics if M is no contract. The stored message comes
// along, for its stream, positions and metadata. The function is pure: the frame
// may call it several times and apply its statement once.
func On[M proto.Message](statement func(M, messagestore.Message) Statement) Handler {
	var none M
	return Handler{contract.KindOf(none), func(m messagestore.Message) (Statement, error) {
		event, err := contract.Decode[M](m)
		if err != nil {
			return Statement{}, err
		}
		return statement(event, m), nil
	}}
}
