package storetest

import (
	"slices"
	"strings"
	"testing"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

func testSubscribe(t *testing.T, store messagestore.Store) {
	sources := map[string]messagestore.Source{
		"stream": messagestore.OfStream("a-1"), "category": messagestore.OfCategories("a"),
		"categories": messagestore.OfCategories("a", "c"), "all": messagestore.OfAll(),
	}
	subscribers := map[string]*subscriber{}
	for name, source := range sources {
		s := subscribe(t, store, messagestore.Subscription{Source: source})
		started := s.started()
		head, origin := int64(0), messagestore.Place{}
		if source.IsStream() {
			head, origin.Position = -1, -1
		}
		if started.HeadPosition != head || started.HeartbeatInterval <= 0 {
			t.Errorf("%s: %+v, want head %d", name, started, head)
		}
		if e := s.event(); e != messagestore.Event(messagestore.CaughtUp{Place: origin}) {
			t.Errorf("%s: %+v, want CaughtUp at %+v", name, e, origin)
		}
		subscribers[name] = s
	}
	for range 50 {
		for _, stream := range []messagestore.Stream{"a-1", "b-1", "a-2", "c-1"} {
			write(t, store, stream, events(2)...)
		}
	}
	for name, source := range sources {
		stored := read(t, store, messagestore.ReadRequest{Source: source})
		pushed := subscribers[name].messages(len(stored))
		if !slices.EqualFunc(stored, pushed, sameMessage) {
			t.Errorf("%s: %d messages are pushed and %d stored, or they differ", name, len(pushed), len(stored))
		}
	}
}

// testSubscribePast subscribes at each stored place of several sources, and at the
// head.
func testSubscribePast(t *testing.T, store messagestore.Store) {
	for range 5 {
		write(t, store, "a-1", events(1)...)
		write(t, store, "b-1", events(1)...)
	}
	for name, source := range map[string]messagestore.Source{
		"stream": messagestore.OfStream("b-1"), "category": messagestore.OfCategories("b"), "all": messagestore.OfAll(),
	} {
		stored := read(t, store, messagestore.ReadRequest{Source: source})
		last := source.Place(&stored[len(stored)-1])
		for i := range stored {
			place := source.Place(&stored[i])
			for how, s := range map[string]messagestore.Subscription{
				"from":  {Source: source, From: place.Position + 1},
				"after": {Source: source, After: &place},
			} {
				got := subscribe(t, store, s)
				if started := got.started(); started.HeadPosition != last.Position {
					t.Errorf("%s: %+v, want head %d", name, started, last.Position)
				}
				if messages := got.messages(len(stored) - 1 - i); !slices.EqualFunc(messages, stored[i+1:], sameMessage) {
					t.Errorf("%s %s %d: positions %v", name, how, place.Position, positions(source, messages))
				}
				for {
					if e, ok := got.event().(messagestore.CaughtUp); ok {
						if e.Place != last {
							t.Errorf("%s: caught up at %+v, want %+v", name, e.Place, last)
						}
						break
					}
				}
			}
		}
	}
	waiting := subscribe(t, store, messagestore.Subscription{Source: messagestore.OfAll(), From: 11})
	waiting.started()
	next := event("Happened")
	write(t, store, "c-1", next)
	if m := waiting.messages(1); m[0].ID != next.ID {
		t.Errorf("received %+v after the head", m)
	}
}

func testPlaces(t *testing.T, store messagestore.Store) {
	write(t, store, "a-1", events(3)...)
	write(t, store, "b-1", events(1)...)
	all := read(t, store, messagestore.ReadRequest{Source: messagestore.OfAll()})
	stream, global := messagestore.OfStream("a-1"), messagestore.OfAll()
	for name, test := range map[string]struct {
		subscription messagestore.Subscription
		ahead        *messagestore.AheadError
	}{
		"stream from":  {messagestore.Subscription{Source: stream, From: 4}, &messagestore.AheadError{Position: 4, Head: 2}},
		"stream after": {messagestore.Subscription{Source: stream, After: &messagestore.Place{Position: 3, ID: all[2].ID}}, &messagestore.AheadError{Position: 3, Head: 2}},
		"all from":     {messagestore.Subscription{Source: global, From: 6}, &messagestore.AheadError{Position: 6, Head: 4}},
		"all after":    {messagestore.Subscription{Source: global, After: &messagestore.Place{Position: 5, ID: all[2].ID}}, &messagestore.AheadError{Position: 5, Head: 4}},
		"empty stream": {messagestore.Subscription{Source: messagestore.OfStream("c-1"), From: 1}, &messagestore.AheadError{Position: 1, Head: -1}},
	} {
		err := subscribe(t, store, test.subscription).err()
		if ahead := want[*messagestore.AheadError](t, err); *ahead != *test.ahead {
			t.Errorf("%s: %+v, want %+v", name, ahead, test.ahead)
		}
	}
	for name, place := range map[string]messagestore.Place{
		"another id":        {Position: 2, ID: contract.NewID()},
		"the one before":    {Position: 2, ID: all[0].ID},
		"the one afterward": {Position: 2, ID: all[2].ID},
	} {
		err := subscribe(t, store, messagestore.Subscription{Source: global, After: &place}).err()
		if diverged := want[*messagestore.DivergedError](t, err); diverged.Place != place {
			t.Errorf("%s: %+v", name, diverged)
		}
	}
	for field, s := range map[string]messagestore.Subscription{
		"after[0].message_id": {Source: global, After: &messagestore.Place{Position: 2}},
		"after[0].position":   {Source: global, After: &messagestore.Place{Position: -2, ID: contract.NewID()}},
		"from_position":       {Source: global, From: 1, After: &messagestore.Place{Position: 2, ID: all[1].ID}},
		"source":              {},
	} {
		wantViolation(t, subscribe(t, store, s).err(), field)
	}
	// An id in upper case, and the places before the first message, are valid.
	upper := messagestore.Place{Position: all[0].GlobalPosition, ID: strings.ToUpper(all[0].ID)}
	subscribe(t, store, messagestore.Subscription{Source: global, After: &upper}).messages(len(all) - 1)
	for _, s := range []messagestore.Subscription{
		{Source: global, After: &messagestore.Place{}}, {Source: stream, After: &messagestore.Place{Position: -1}},
	} {
		got := subscribe(t, store, s)
		got.started()
		if m := got.messages(len(read(t, store, messagestore.ReadRequest{Source: s.Source}))); m[0].GlobalPosition != 1 {
			t.Errorf("received %+v after the origin", m[0])
		}
	}
}

// testFilter filters stored messages and new ones.
func testFilter(t *testing.T, store messagestore.Store) {
	filters := map[string]struct {
		filter messagestore.Filter
		passes func(i int) bool
	}{
		"types":       {messagestore.Filter{Types: []string{"Type1", "Type2"}}, func(i int) bool { return i%3 > 0 }},
		"origin":      {messagestore.Filter{Origin: "origin"}, func(i int) bool { return i%4 == 0 }},
		"correlation": {messagestore.Filter{Correlation: "correlated"}, func(i int) bool { return i%4 == 1 }},
		"both":        {messagestore.Filter{Types: []string{"Type0"}, Origin: "origin"}, func(i int) bool { return i%12 == 0 }},
	}
	const n = 60
	messages := make([]messagestore.NewMessage, n)
	for i := range messages {
		messages[i] = event("Type" + string('0'+rune(i%3)))
		messages[i].Metadata = []string{
			`{"originStreamName": "origin-1", "correlationStreamName": 5}`, `{"correlationStreamName": "correlated-1"}`, `{"originStreamName": 1}`, `{"originStreamName": "origin:command-1"}`,
		}[i%4]
	}
	write(t, store, "a-1", messages[:n/2]...)
	subscribers := map[string]*subscriber{}
	for name, f := range filters {
		subscribers[name] = subscribe(t, store, messagestore.Subscription{Source: messagestore.OfCategories("a", "b"), Filter: f.filter})
	}
	write(t, store, "b-1", messages[n/2:]...)
	for name, f := range filters {
		var ids []string
		for i := range messages {
			if f.passes(i) {
				ids = append(ids, messages[i].ID)
			}
		}
		var pushed, stored []string
		for _, m := range subscribers[name].messages(len(ids)) {
			pushed = append(pushed, m.ID)
		}
		for _, m := range read(t, store, messagestore.ReadRequest{Source: messagestore.OfAll(), Filter: f.filter}) {
			stored = append(stored, m.ID)
		}
		if !slices.Equal(pushed, ids) || !slices.Equal(stored, ids) {
			t.Errorf("%s: %d messages pushed and %d read, want %d", name, len(pushed), len(stored), len(ids))
		}
	}

	// Each stream belongs to one member of a group.
	for i := range 20 {
		write(t, store, messagestore.Category("g").Stream(contract.NewID()+"+"+string('a'+rune(i))), events(1)...)
	}
	seen := map[string]int{}
	for member := range int32(3) {
		share := read(t, store, messagestore.ReadRequest{Source: messagestore.OfCategories("g"), Filter: messagestore.Filter{Group: &messagestore.ConsumerGroup{Member: member, Size: 3}}})
		for _, m := range share {
			seen[m.ID]++
		}
	}
	if len(seen) != 20 {
		t.Errorf("the group has read %d messages, want 20", len(seen))
	}
}
