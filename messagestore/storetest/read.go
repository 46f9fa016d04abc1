package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

func testRead(t *testing.T, store messagestore.Store) {
	// Global positions 1 to 9: a-1 b-1 c-1 a-1 b-1 c-1 a-1 b-1 c-1.
	for range 3 {
		for _, stream := range []messagestore.Stream{"a-1", "b-1", "c-1"} {
			write(t, store, stream, event("Type"+string(stream[:1])))
		}
	}
	at := func(n int64) *int64 { return &n }
	stream, two, all := messagestore.OfStream("a-1"), messagestore.OfCategories("a", "c"), messagestore.OfAll()
	for name, test := range map[string]struct {
		request messagestore.ReadRequest
		want    []int64
	}{
		"stream":                    {messagestore.ReadRequest{Source: stream}, []int64{0, 1, 2}},
		"stream from":               {messagestore.ReadRequest{Source: stream, From: at(1)}, []int64{1, 2}},
		"stream from, limit":        {messagestore.ReadRequest{Source: stream, From: at(1), Limit: 1}, []int64{1}},
		"stream backward":           {messagestore.ReadRequest{Source: stream, Backward: true}, []int64{2, 1, 0}},
		"stream backward from":      {messagestore.ReadRequest{Source: stream, Backward: true, From: at(1)}, []int64{1, 0}},
		"stream backward from zero": {messagestore.ReadRequest{Source: stream, Backward: true, From: at(0)}, []int64{0}},
		"stream backward limit":     {messagestore.ReadRequest{Source: stream, Backward: true, Limit: 2}, []int64{2, 1}},
		"stream past its end":       {messagestore.ReadRequest{Source: stream, From: at(3)}, []int64{}},
		"no such stream":            {messagestore.ReadRequest{Source: messagestore.OfStream("a-2")}, []int64{}},
		"category":                  {messagestore.ReadRequest{Source: messagestore.OfCategories("b")}, []int64{2, 5, 8}},
		"category from":             {messagestore.ReadRequest{Source: messagestore.OfCategories("b"), From: at(3)}, []int64{5, 8}},
		"category backward":         {messagestore.ReadRequest{Source: messagestore.OfCategories("b"), Backward: true, Limit: 2}, []int64{8, 5}},
		"categories":                {messagestore.ReadRequest{Source: two}, []int64{1, 3, 4, 6, 7, 9}},
		"categories from, limit":    {messagestore.ReadRequest{Source: two, From: at(2), Limit: 3}, []int64{3, 4, 6}},
		"categories backward":       {messagestore.ReadRequest{Source: two, Backward: true, From: at(6)}, []int64{6, 4, 3, 1}},
		"no such category":          {messagestore.ReadRequest{Source: messagestore.OfCategories("d")}, []int64{}},
		"all":                       {messagestore.ReadRequest{Source: all}, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"all from zero":             {messagestore.ReadRequest{Source: all, From: at(0), Limit: 2}, []int64{1, 2}},
		"all backward":              {messagestore.ReadRequest{Source: all, Backward: true, Limit: 2}, []int64{9, 8}},
		"all backward from zero":    {messagestore.ReadRequest{Source: all, Backward: true, From: at(0)}, []int64{}},
		"all past the end":          {messagestore.ReadRequest{Source: all, From: at(10)}, []int64{}},
		"types":                     {messagestore.ReadRequest{Source: all, Limit: 2, Filter: messagestore.Filter{Types: []string{"Typeb", "Typec"}}}, []int64{2, 3}},
	} {
		if got := positions(test.request.Source, read(t, store, test.request)); !slices.Equal(got, test.want) {
			t.Errorf("%s: positions %v, want %v", name, got, test.want)
		}
	}

	// Several pages, which are bounded by messages and by bytes.
	for i := range 3 {
		write(t, store, "many-1", events(1000)...)
		large := event("Large")
		large.Data = `{"a": "` + strings.Repeat(string('a'+rune(i)), 900_000) + `"}`
		write(t, store, "many-1", large)
	}
	for _, source := range []messagestore.Source{messagestore.OfStream("many-1"), messagestore.OfCategories("many"), messagestore.OfCategories("many", "none"), all} {
		for _, backward := range []bool{false, true} {
			got := read(t, store, messagestore.ReadRequest{Source: source, Backward: backward, Filter: messagestore.Filter{Types: []string{"Happened", "Large"}}})
			if backward {
				slices.Reverse(got)
			}
			if len(got) != 3003 || got[0].Position != 0 || got[3002].Position != 3002 || len(got[1000].Data) != 900_009 {
				t.Errorf("%+v: %d messages", source, len(got))
			}
		}
	}
}

func testMessage(t *testing.T, store messagestore.Store) {
	ctx := messagestore.WithPrincipal(t.Context(), messagestore.Anonymous)
	first, last := event("First"), event("Last")
	last.Metadata = `{"traceId": "1"}`
	write(t, store, "thing-1", first, last)

	m, err := store.Message(ctx, strings.ToUpper(last.ID))
	want := messagestore.Message{
		ID: last.ID, Stream: "thing-1", Type: "Last", Data: printed(last), Metadata: `{"traceId": "1"}`,
		Position: 1, GlobalPosition: 2, Time: m.Time, Writer: m.Writer,
	}
	if err != nil || m != want || m.Writer == "" {
		t.Errorf("message %+v, %v, want %+v", m, err, want)
	}
	if m, err := store.Last(ctx, "thing-1", ""); err != nil || m.ID != last.ID {
		t.Errorf("last %+v, %v", m, err)
	}
	if m, err := store.Last(ctx, "thing-1", "First"); err != nil || m.ID != first.ID || m.Metadata != "{}" {
		t.Errorf("last of a type %+v, %v", m, err)
	}
	if status, err := store.Status(ctx); err != nil || status.Head != (messagestore.Place{Position: 2, ID: last.ID}) {
		t.Errorf("status %+v, %v", status, err)
	}
	for name, get := range map[string]func() error{
		"id":             func() error { _, err := store.Message(ctx, contract.NewID()); return err },
		"stream":         func() error { _, err := store.Last(ctx, "thing-2", ""); return err },
		"type of stream": func() error { _, err := store.Last(ctx, "thing-1", "Other"); return err },
	} {
		if err := get(); !errors.Is(err, messagestore.ErrNotFound) {
			t.Errorf("no such %s: %v", name, err)
		}
	}
	for field, get := range map[string]func() error{
		"id":               func() error { _, err := store.Message(ctx, "x"); return err },
		"last.stream_name": func() error { _, err := store.Last(ctx, "x", ""); return err },
	} {
		wantViolation(t, get(), field)
	}
}
