package components

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// EntityOf returns the stream of the entity with that id, in the category of its
// event E, for a Streams function. The id is a UUID as it is written, in lower
// case and with dashes; for another, as "undefined", it returns nil, so that the
// message is skipped. It panics if E is no contract.
func EntityOf[E proto.Message](id string) []messagestore.Stream {
	if !contract.IsUUID(id) {
		return nil
	}
	var event E
	return []messagestore.Stream{contract.Category(event).Stream(id)}
}
