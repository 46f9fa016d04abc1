// Package storetest is the suite that every messagestore.Store passes.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"videotutorials/messagestore"
)

// Run runs the suite. open returns a Store that is empty and stops with the
// test. The test that calls Run needs a `testdb.Main`, or the like, for its
// Postgres.
func Run(t *testing.T, open func(t *testing.T) messagestore.Store) {
	t.Helper()
	suite := map[string]func(*testing.T, messagestore.Store){
		"Write":         testWrite,
		"WriteBatch":    testWriteBatch,
		"Idempotence":   testIdempotence,
		"Invalid":       testInvalid,
		"JSON":          testJSON,
		"Read":          testRead,
		"Message":       testMessage,
		"Subscribe":     testSubscribe,
		"SubscribePast": testSubscribePast,
		"Places":        testPlaces,
		"Filter":        testFilter,
		"Concurrency":   testConcurrency,
	}
	for name, test := range suite {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// uuid returns a random UUID.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// event returns a message of that type with data of its own, which Postgres
// prints otherwise.
func event(kind string) messagestore.NewMessage {
	id := uuid()
	return messagestore.NewMessage{ID: id, Type: kind, Data: fmt.Sprintf(`{"id":%q,"n":1.0}`, id)}
}

func printed(m messagestore.NewMessage) string { return fmt.Sprintf(`{"n": 1.0, "id": %q}`, m.ID) }

func events(n int) []messagestore.NewMessage {
	messages := make([]messagestore.NewMessage, n)
	for i := range messages {
		messages[i] = event("Happened")
	}
	return messages
}

// write writes and fails the test where that fails.
func write(t *testing.T, store messagestore.Store, stream messagestore.Stream, messages ...messagestore.NewMessage) messagestore.Written {
	t.Helper()
	written, err := store.Write(t.Context(), stream, messagestore.Any, messages...)
	if err != nil {
		t.Fatalf("write %s: %v", stream, err)
	}
	return written
}

// read returns all that the request yields.
func read(t *testing.T, store messagestore.Store, r messagestore.ReadRequest) []messagestore.Message {
	t.Helper()
	var messages []messagestore.Message
	for m, err := range store.Read(t.Context(), r) {
		if err != nil {
			t.Fatalf("read %+v: %v", r, err)
		}
		messages = append(messages, m)
	}
	return messages
}

// positions returns the positions of the messages, as the source counts them.
func positions(source messagestore.Source, messages []messagestore.Message) []int64 {
	p := []int64{}
	for i := range messages {
		p = append(p, source.Place(&messages[i]).Position)
	}
	return p
}

// patience bounds how long a test waits for what has to come at once.
const patience = 30 * time.Second

// A subscriber pulls events one by one.
type subscriber struct {
	t    *testing.T
	next func() (messagestore.Event, error, bool)
}

func subscribe(t *testing.T, store messagestore.Store, s messagestore.Subscription) *subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	next, stop := iter.Pull2(store.Subscribe(ctx, s))
	t.Cleanup(func() { cancel(); stop() })
	return &subscriber{t, next}
}

// event returns the next event but Progress.
func (s *subscriber) event() messagestore.Event {
	s.t.Helper()
	for {
		e, err, ok := s.next()
		if err != nil || !ok {
			s.t.Fatalf("the subscription ended: %v", err)
		}
		if _, ok := e.(messagestore.Progress); !ok {
			return e
		}
	}
}

// started takes Started.
func (s *subscriber) started() messagestore.Started {
	s.t.Helper()
	e, ok := s.event().(messagestore.Started)
	if !ok {
		s.t.Fatal("the first event is not Started")
	}
	return e
}

// messages returns the next n messages and skips CaughtUp.
func (s *subscriber) messages(n int) []messagestore.Message {
	s.t.Helper()
	var messages []messagestore.Message
	for len(messages) < n {
		if batch, ok := s.event().(messagestore.Messages); ok {
			messages = append(messages, batch...)
		}
	}
	if len(messages) != n {
		s.t.Fatalf("%d messages came, want %d", len(messages), n)
	}
	return messages
}

// err returns what the subscription ends with.
func (s *subscriber) err() error {
	s.t.Helper()
	for {
		if _, err, ok := s.next(); err != nil || !ok {
			return err
		}
	}
}

// want fails the test unless err is an E, which it returns.
func want[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want %T", err, err, e)
	}
	return e
}
