package torture

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

// The types of messages. The trigger rejects Guilty always and Flaky at random.
const (
	happened = "Happened"
	common   = "Changed"
	rare     = "Rare"
	guilty   = "Guilty"
	flaky    = "Flaky"
)

// An author generates writes.
type author struct {
	random    *rand.Rand
	own       messagestore.Category // written to by this writer only
	contended messagestore.Stream   // written to by all writers of the principal
	versions  map[messagestore.Stream]messagestore.Version
	fresh     int // number of streams written to once
}

// next generates a call.
func (a *author) next() []messagestore.Write {
	one := func(stream messagestore.Stream, expected messagestore.Version, messages ...messagestore.NewMessage) []messagestore.Write {
		return []messagestore.Write{{Stream: stream, Expected: expected, Messages: messages}}
	}
	switch n := a.random.IntN(100); {
	case n < 45:
		return one(a.stream(), messagestore.Any, a.messages(1+a.random.IntN(3))...)
	case n < 70:
		return one(a.contended, a.version(a.contended), a.messages(1+a.random.IntN(2))...)
	case n < 85:
		return a.batch()
	case n < 93:
		a.fresh++
		return one(a.own.Stream(fmt.Sprintf("fresh%d", a.fresh)), messagestore.None, a.messages(1)...)
	case n < 95:
		bad := a.message(guilty)
		bad.Metadata = fmt.Sprintf(`{"state": %q}`, []string{"22023", "P0001"}[a.random.IntN(2)])
		return one(a.stream(), messagestore.Any, a.message(happened), bad, a.message(happened))
	case n < 96:
		slow := a.message(happened)
		slow.Metadata = fmt.Sprintf(`{"sleep": 0.%03d}`, 1+a.random.IntN(300))
		return one(a.stream(), messagestore.Any, slow)
	case n < 97:
		return one(a.stream(), messagestore.Any, a.message(flaky))
	}
	return one(a.stream(), messagestore.Exists, a.messages(15)...)
}

// batch generates a batch over two streams that sometimes checks the version of a
// third.
func (a *author) batch() []messagestore.Write {
	first, second := a.stream(), a.stream()
	for second == first {
		second = a.stream()
	}
	writes := []messagestore.Write{
		{Stream: first, Expected: messagestore.Any, Messages: a.messages(1 + a.random.IntN(2))},
		{Stream: second, Expected: a.version(second), Messages: a.messages(1)},
	}
	if a.random.IntN(3) == 0 {
		writes = append(writes, messagestore.Write{Stream: a.contended, Expected: a.version(a.contended)})
	}
	return writes
}

// stream returns one of a few streams. Some share a cardinal id and so a member of a
// consumer group.
func (a *author) stream() messagestore.Stream {
	return a.own.Stream([]string{"0", "1", "2", "3", "4", "5+a", "5+b", "5"}[a.random.IntN(8)])
}

// version returns the last known version of the stream.
func (a *author) version(stream messagestore.Stream) messagestore.Version {
	if v, ok := a.versions[stream]; ok {
		return v
	}
	return messagestore.None
}

func (a *author) messages(n int) []messagestore.NewMessage {
	messages := make([]messagestore.NewMessage, 0, n)
	for range n {
		kind := happened
		switch k := a.random.IntN(200); {
		case k == 0:
			kind = rare
		case k < 70:
			kind = common
		}
		messages = append(messages, a.message(kind))
	}
	return messages
}

// message generates a message whose JSON is as Postgres prints it, so that it can be
// compared.
func (a *author) message(kind string) messagestore.NewMessage {
	length := a.random.IntN(100)
	if a.random.IntN(20) == 0 {
		length *= 200
	}
	metadata := "{}"
	if a.random.IntN(2) == 0 {
		metadata = fmt.Sprintf(`{"originStreamName": "%s%d-%d"}`, principals[a.random.IntN(len(principals))], a.random.IntN(3), a.random.IntN(9))
	}
	return messagestore.NewMessage{
		ID: a.id(), Type: kind, Metadata: metadata,
		Data: fmt.Sprintf(`{"n": %d, "text": %q}`, a.random.Int64(), strings.Repeat("x", length)),
	}
}

func (a *author) id() string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], a.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], a.random.Uint64())
	return id.String()
}
