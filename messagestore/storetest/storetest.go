// Package storetest is the conformance suite of messagestore.Store.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// Run runs the suite. open returns an empty Store that stops when its test ends.
func Run(t *testing.T, open func(t *testing.T) messagestore.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, messagestore.Store){
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// event returns a message of the type with unique data, which Postgres prints in
// another form.
func event(messageType string) messagestore.NewMessage {
	id := contract.NewID()
	return messagestore.NewMessage{ID: id, Type: messageType, Data: fmt.Sprintf(`{"id":%q,"n":1.0}`, id)}
}

// printed returns the data of an event as Postgres prints it.
func printed(m messagestore.NewMessage) string { return fmt.Sprintf(`{"n": 1.0, "id": %q}`, m.ID) }

// events returns n events of type Happened.
func events(n int) []messagestore.NewMessage {
	messages := make([]messagestore.NewMessage, n)
	for i := range messages {
		messages[i] = event("Happened")
	}
	return messages
}

// write appends the messages to the stream.
func write(t *testing.T, store messagestore.Store, stream messagestore.Stream, messages ...messagestore.NewMessage) messagestore.Written {
	t.Helper()
	written, err := store.Write(t.Context(), stream, messagestore.Any, messages...)
	if err != nil {
		t.Fatalf("write %s: %v", stream, err)
	}
	return written
}

// read returns the messages that the request yields.
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

// positions returns the positions of the messages in the source.
func positions(source messagestore.Source, messages []messagestore.Message) []int64 {
	p := []int64{}
	for i := range messages {
		p = append(p, source.Place(&messages[i]).Position)
	}
	return p
}

// A subscriber receives the events of a subscription one by one.
type subscriber struct {
	t    *testing.T
	next func() (messagestore.Event, error, bool)
}

func subscribe(t *testing.T, store messagestore.Store, s messagestore.Subscription) *subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	next, stop := iter.Pull2(store.Subscribe(ctx, s))
	t.Cleanup(func() { cancel(); stop() })
	return &subscriber{t, next}
}

// event returns the next event other than Progress.
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

// started returns the first event.
func (s *subscriber) started() messagestore.Started {
	s.t.Helper()
	e, ok := s.event().(messagestore.Started)
	if !ok {
		s.t.Fatal("the first event is not Started")
	}
	return e
}

// messages returns the next n messages.
func (s *subscriber) messages(n int) []messagestore.Message {
	s.t.Helper()
	var messages []messagestore.Message
	for len(messages) < n {
		if batch, ok := s.event().(messagestore.Messages); ok {
			messages = append(messages, batch...)
		}
	}
	if len(messages) != n {
		s.t.Fatalf("received %d messages, want %d", len(messages), n)
	}
	return messages
}

// err returns the error that ends the subscription.
func (s *subscriber) err() error {
	s.t.Helper()
	for {
		if _, err, ok := s.next(); err != nil || !ok {
			return err
		}
	}
}

// wantViolation checks that err is an *InvalidError whose only violation is that of
// the field.
func wantViolation(t *testing.T, err error, field string) {
	t.Helper()
	if v := want[*messagestore.InvalidError](t, err).Violations; len(v) != 1 || v[0].Field != field {
		t.Errorf("violations %+v, want one of %s", v, field)
	}
}

// want returns err as an E.
func want[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want %T", err, err, e)
	}
	return e
}
