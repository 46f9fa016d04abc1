package rpc

import (
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A response has as many messages as fit; one of them may be nearly as large as
// maxResponse, and its frame must still be below 4 MiB.
const (
	maxResponse         = 1 << 20
	maxResponseMessages = 1000
)

// A batch gathers messages and sends them in responses of a bounded size.
type batch struct {
	send     func([]*messagestorev1.Message) error
	messages []*messagestorev1.Message
	bytes    int
}

// add takes the next message, and sends those before it if it does not fit
// beside them.
func (b *batch) add(m *messagestore.Message) error {
	message := toMessage(m)
	size := proto.Size(message)
	if len(b.messages) == maxResponseMessages || b.bytes+size > maxResponse {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.messages = append(b.messages, message)
	b.bytes += size
	return nil
}

// flush sends what was gathered, if anything.
func (b *batch) flush() error {
	if len(b.messages) == 0 {
		return nil
	}
	messages := b.messages
	b.messages, b.bytes = nil, 0
	return b.send(messages)
}
