package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestStore_Model compares random writes and repetitions, some concurrent, through two
// servers with a model. A failure prints the flag that repeats it.
func TestStore_Model(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	stores := []messagestore.Store{store, teststore.Start(t, url)}
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++ // separates streams and ids
		p := &player{stores: stores, run: run, model: &model{before: head(t, store), calls: map[string][]messagestore.Message{}}}
		for i := range 3 {
			p.streams = append(p.streams, messagestore.Category(fmt.Sprintf("run%d", run)).Stream(fmt.Sprint(i)))
		}
		t.Repeat(map[string]func(*rapid.T){"write": p.write})
		p.compareLogs(t)
	})
}

func head(t *rapid.T, store messagestore.Store) int64 {
	status, err := store.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status.Head.Position
}

// A player makes calls and compares the results with those of the model.
type player struct {
	stores  []messagestore.Store
	model   *model
	run     int
	streams []messagestore.Stream
	calls   [][]messagestore.Write // all made
	ids     int                    // number assigned
}

// write makes concurrent calls. Their results must be those of the model in some order.
func (p *player) write(t *rapid.T) {
	var calls []*call
	for range rapid.IntRange(1, 3).Draw(t, "calls") {
		c := &call{store: rapid.SampledFrom(p.stores).Draw(t, "store")}
		if len(p.calls) == 0 || rapid.Bool().Draw(t, "new") {
			c.writes = p.fresh(t)
		} else {
			c.writes = p.again(t)
		}
		p.calls = append(p.calls, c.writes)
		calls = append(calls, c)
	}
	var group sync.WaitGroup
	for _, c := range calls {
		group.Go(func() { c.make(t.Context()) })
	}
	group.Wait()
	after := p.model.explain(calls)
	if after == nil {
		t.Fatalf("the model has no order with these results: %v", calls)
	}
	p.model = after
}

// fresh returns a call with new ids.
func (p *player) fresh(t *rapid.T) []messagestore.Write {
	var writes []messagestore.Write
	for range rapid.IntRange(1, 3).Draw(t, "writes") {
		w := messagestore.Write{Stream: rapid.SampledFrom(p.streams).Draw(t, "stream")}
		w.Expected = p.expected(t, w.Stream)
		for range rapid.IntRange(0, 3).Draw(t, "messages") {
			w.Messages = append(w.Messages, p.message(t))
		}
		writes = append(writes, w)
	}
	return writes
}

// again returns an earlier call, unchanged or with one change.
func (p *player) again(t *rapid.T) []messagestore.Write {
	writes := p.earlier(t)
	w := &writes[rapid.IntRange(0, len(writes)-1).Draw(t, "write")]
	at := rapid.IntRange(0, max(len(w.Messages)-1, 0)).Draw(t, "message")
	change := rapid.SampledFrom([]string{"nothing", "expected", "stream", "more", "both", "order", "fewer", "content"}).Draw(t, "change")
	switch {
	case change == "expected":
		for i := range writes {
			writes[i].Expected = p.expected(t, writes[i].Stream)
		}
	case change == "stream":
		w.Stream = rapid.SampledFrom(p.streams).Draw(t, "stream")
	case change == "more":
		w.Messages = slices.Insert(w.Messages, min(at, len(w.Messages)), p.message(t))
	case change == "both":
		writes = p.join(writes, p.earlier(t))
	case len(w.Messages) == 0:
	case change == "order":
		slices.Reverse(w.Messages)
	case change == "fewer":
		w.Messages = slices.Delete(w.Messages, at, at+1)
	case change == "content":
		id := w.Messages[at].ID
		w.Messages[at] = p.message(t)
		w.Messages[at].ID = id
	}
	return writes
}

// earlier returns a copy of an earlier call.
func (p *player) earlier(t *rapid.T) []messagestore.Write {
	writes := slices.Clone(rapid.SampledFrom(p.calls).Draw(t, "call"))
	for i := range writes {
		writes[i].Messages = slices.Clone(writes[i].Messages)
	}
	return writes
}

// join joins two calls, unless that repeats an id.
func (p *player) join(a, b []messagestore.Write) []messagestore.Write {
	ids := map[string]bool{}
	for _, w := range slices.Concat(a, b) {
		for _, m := range w.Messages {
			if ids[m.ID] {
				return a
			}
			ids[m.ID] = true
		}
	}
	return append(a, b...)
}

// expected returns an expected version that is correct or off by one.
func (p *player) expected(t *rapid.T, s messagestore.Stream) messagestore.Version {
	exactly := max(p.model.version(s)+messagestore.Version(rapid.IntRange(-1, 1).Draw(t, "off by")), messagestore.None)
	return rapid.SampledFrom([]messagestore.Version{messagestore.Any, messagestore.None, messagestore.Exists, exactly, exactly}).Draw(t, "expected")
}

func (p *player) message(t *rapid.T) messagestore.NewMessage {
	p.ids++
	return messagestore.NewMessage{
		ID:       fmt.Sprintf("%08x-0000-4000-8000-%012x", p.run, p.ids),
		Type:     rapid.SampledFrom([]string{"Happened", "Changed"}).Draw(t, "type"),
		Data:     rapid.SampledFrom([]string{one, oneToo, two}).Draw(t, "data"),
		Metadata: rapid.SampledFrom([]string{`{}`, `{"k": 1}`}).Draw(t, "metadata"),
	}
}

// A call and its result.
type call struct {
	store   messagestore.Store
	writes  []messagestore.Write
	written []messagestore.Written
	err     error
}

func (c *call) String() string { return fmt.Sprintf("\n%+v: %+v, %v", c.writes, c.written, c.err) }

func (c *call) make(ctx context.Context) {
	w := c.writes[0]
	if len(c.writes) > 1 || len(w.Messages) == 0 {
		c.written, c.err = c.store.WriteBatch(ctx, c.writes...)
		return
	}
	var written messagestore.Written
	if written, c.err = c.store.Write(ctx, w.Stream, w.Expected, w.Messages...); c.err == nil {
		c.written = []messagestore.Written{written}
	}
}

// compareLogs compares the log with the model, through both stores.
func (p *player) compareLogs(t *rapid.T) {
	from := p.model.before + 1
	for _, store := range p.stores {
		compareRead(t, store, messagestore.ReadRequest{Source: messagestore.OfAll(), From: &from}, p.model.log)
		for _, s := range p.streams {
			compareRead(t, store, messagestore.ReadRequest{Source: messagestore.OfStream(s)}, p.model.stream(s))
		}
	}
}

func compareRead(t *rapid.T, store messagestore.Store, r messagestore.ReadRequest, want []messagestore.Message) {
	var got []messagestore.Message
	for m, err := range store.Read(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		m.Time = time.Time{} // the model has no clock
		got = append(got, m)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v is stored, want %+v", got, want)
	}
}

// A model implements the contract of writes in memory.
type model struct {
	before int64 // the head at the start
	log    []messagestore.Message
	calls  map[string][]messagestore.Message // by id: all messages of the call that stored it
}

func (m *model) stream(s messagestore.Stream) []messagestore.Message {
	return slices.DeleteFunc(slices.Clone(m.log), func(one messagestore.Message) bool { return one.Stream != s })
}

func (m *model) version(s messagestore.Stream) messagestore.Version {
	return messagestore.Version(len(m.stream(s)) - 1)
}

// explain returns the model after the calls in an order that gives their results, or nil.
func (m *model) explain(calls []*call) *model {
	if len(calls) == 0 {
		return m
	}
	for i, c := range calls {
		next := &model{before: m.before, log: slices.Clone(m.log), calls: maps.Clone(m.calls)}
		written, err := next.write(c.writes)
		if !slices.Equal(c.written, written) || !agree(c.err, err) {
			continue
		}
		if after := next.explain(slices.Delete(slices.Clone(calls), i, i+1)); after != nil {
			return after
		}
	}
	return nil
}

// write returns the result that a Store must return. Ids are checked before versions.
func (m *model) write(writes []messagestore.Write) ([]messagestore.Written, error) {
	var wanted []messagestore.Message
	var conflicts idConflicts
	for _, w := range writes {
		for _, n := range w.Messages {
			wanted = append(wanted, messagestore.Message{ID: n.ID, Stream: w.Stream, Type: n.Type, Data: n.Data})
			if i := slices.IndexFunc(m.calls[n.ID], func(s messagestore.Message) bool { return s.ID == n.ID }); i >= 0 {
				conflicts = append(conflicts, messagestore.IDConflictError{ID: n.ID, StoredStream: m.calls[n.ID][i].Stream})
			}
		}
	}
	if len(conflicts) == 0 {
		return m.append(writes)
	}
	stored := m.calls[wanted[0].ID]
	if !slices.EqualFunc(stored, wanted, func(s, w messagestore.Message) bool {
		return s.ID == w.ID && s.Stream == w.Stream && s.Type == w.Type && value(s.Data) == value(w.Data)
	}) {
		return nil, conflicts
	}
	return m.repeat(writes, stored), nil
}

// append stores all writes, or none.
func (m *model) append(writes []messagestore.Write) ([]messagestore.Written, error) {
	var written []messagestore.Written
	before := len(m.log)
	for _, w := range writes {
		v := m.version(w.Stream)
		if w.Expected != messagestore.Any && w.Expected != v && (w.Expected != messagestore.Exists || v < 0) {
			m.log = m.log[:before]
			return nil, &messagestore.VersionConflictError{Stream: w.Stream, Expected: w.Expected, Actual: v}
		}
		at := messagestore.Written{Position: int64(v)}
		for _, n := range w.Messages {
			at.Position++
			at.GlobalPosition = m.before + int64(len(m.log)) + 1
			m.log = append(m.log, messagestore.Message{
				ID: n.ID, Stream: w.Stream, Type: n.Type, Data: printed(n.Data), Metadata: n.Metadata, Writer: messagestore.Anonymous,
				Position: at.Position, GlobalPosition: at.GlobalPosition,
			})
		}
		written = append(written, at)
	}
	call := slices.Clone(m.log[before:])
	for _, one := range call {
		m.calls[one.ID] = call
	}
	return written, nil
}

// repeat returns the positions of the messages of a stored call.
func (m *model) repeat(writes []messagestore.Write, stored []messagestore.Message) []messagestore.Written {
	var written []messagestore.Written
	for _, w := range writes {
		at := messagestore.Written{Position: int64(m.version(w.Stream))}
		if n := len(w.Messages); n > 0 {
			at = messagestore.Written{Position: stored[n-1].Position, GlobalPosition: stored[n-1].GlobalPosition, AlreadyStored: true}
			stored = stored[n:]
		}
		written = append(written, at)
	}
	return written
}

// idConflicts are errors of which a Store may return any one.
type idConflicts []messagestore.IDConflictError

func (c idConflicts) Error() string {
	return fmt.Sprintf("one of %+v", []messagestore.IDConflictError(c))
}

// agree reports whether the error of a Store is that of the model.
func agree(got, want error) bool {
	var conflicts idConflicts
	if !errors.As(want, &conflicts) {
		return reflect.DeepEqual(got, want)
	}
	var conflict *messagestore.IDConflictError
	return errors.As(got, &conflict) && slices.Contains(conflicts, *conflict)
}

// Two values of data, one of them in two notations.
const (
	one    = `{"a": 1, "bb": []}`
	oneToo = `{ "bb":[],"a":1.0 }`
	two    = `{"a": 2}`
)

// printed returns the data as Postgres prints it.
func printed(data string) string {
	if data == oneToo {
		return `{"a": 1.0, "bb": []}`
	}
	return data
}

// value returns the same text for equal JSON values.
func value(data string) string {
	if data == oneToo || data == printed(oneToo) {
		return one
	}
	return data
}
