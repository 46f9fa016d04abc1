package storetest

import (
	"slices"
	"strings"
	"testing"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

func testInvalid(t *testing.T, store messagestore.Store) {
	ctx := t.Context()
	good := event("Happened")
	with := func(change func(*messagestore.NewMessage)) []messagestore.NewMessage {
		m := event("Happened")
		change(&m)
		return []messagestore.NewMessage{m}
	}
	long := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		stream   messagestore.Stream
		expected messagestore.Version
		messages []messagestore.NewMessage
		fields   []string
	}{
		"no stream":          {"", messagestore.Any, events(1), []string{"stream_name"}},
		"no dash":            {"thing", messagestore.Any, events(1), []string{"stream_name"}},
		"no category":        {"-1", messagestore.Any, events(1), []string{"stream_name"}},
		"no stream id":       {"thing-", messagestore.Any, events(1), []string{"stream_name"}},
		"control character":  {"thing-\n", messagestore.Any, events(1), []string{"stream_name"}},
		"long stream":        {messagestore.Stream("thing-" + strings.Repeat("1", 250)), messagestore.Any, events(1), []string{"stream_name"}},
		"no messages":        {"thing-1", messagestore.Any, nil, []string{"messages"}},
		"no type":            {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.Type = "" }), []string{"messages[0].type"}},
		"long type":          {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.Type = strings.Repeat("T", 256) }), []string{"messages[0].type"}},
		"bad id":             {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.ID = "1" }), []string{"messages[0].id"}},
		"braces":             {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.ID = "{" + m.ID + "}" }), []string{"messages[0].id"}},
		"no data":            {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.Data = "" }), []string{"messages[0].data"}},
		"bad metadata":       {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.Metadata = "[]" }), []string{"messages[0].metadata"}},
		"negative version":   {"thing-1", -4, events(1), []string{"expected_version.exactly"}},
		"id twice":           {"thing-1", messagestore.Any, []messagestore.NewMessage{good, good}, []string{"messages[1].id"}},
		"too many":           {"thing-1", messagestore.Any, events(1001), []string{"messages"}},
		"message over a MiB": {"thing-1", messagestore.Any, with(func(m *messagestore.NewMessage) { m.Data = `{"a":"` + long + `"}` }), []string{"messages[0].data"}},
		"every violation":    {"thing", -9, with(func(m *messagestore.NewMessage) { *m = messagestore.NewMessage{ID: "x", Data: "[", Metadata: "null"} }), []string{"stream_name", "expected_version.exactly", "messages[0].id", "messages[0].type", "messages[0].data", "messages[0].metadata"}},
		"second message":     {"thing-1", messagestore.Any, append(events(1), with(func(m *messagestore.NewMessage) { m.ID = "x" })...), []string{"messages[1].id"}},
	} {
		_, err := store.Write(ctx, test.stream, test.expected, test.messages...)
		invalid := want[*messagestore.InvalidError](t, err)
		var fields []string
		for _, v := range invalid.Violations {
			fields = append(fields, v.Field)
			if v.Description == "" || len(v.Description) > 1000 {
				t.Errorf("%s: %s has a description of %d bytes", name, v.Field, len(v.Description))
			}
		}
		if !slices.Equal(fields, test.fields) {
			t.Errorf("%s: the fields are %v, want %v", name, fields, test.fields)
		}
	}
	_, err := store.WriteBatch(ctx, messagestore.Write{Stream: "thing-1", Expected: messagestore.Any, Messages: events(1)}, messagestore.Write{
		Stream: "thing-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{{ID: "x", Type: "Happened", Data: "{}"}},
	})
	wantViolation(t, err, "writes[1].messages[0].id")
	for field, r := range map[string]messagestore.ReadRequest{
		"source":              {},
		"categories.names[0]": {Source: messagestore.OfCategories("a-b")},
		"limit":               {Source: messagestore.OfAll(), Limit: -1},
		"stream_name":         {Source: messagestore.OfStream("x")},
		"filter":              {Source: messagestore.OfStream("x-1"), Filter: messagestore.Filter{Origin: "a"}},
		"filter.types[0]":     {Source: messagestore.OfAll(), Filter: messagestore.Filter{Types: []string{""}}},
	} {
		for _, err := range store.Read(ctx, r) {
			wantViolation(t, err, field)
		}
	}
	if status, err := store.Status(ctx); err != nil || status.Head.Position != 0 {
		t.Errorf("the head is %+v, %v: an invalid message was stored", status, err)
	}
}

// testJSON checks that accepted JSON can be read back, and that JSON that jsonb
// rejects is an *InvalidError, so that it cannot fail a group of writes.
func testJSON(t *testing.T, store messagestore.Store) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, test := range []struct {
		data, stored string // stored is "" if data is invalid
	}{
		{`{}`, `{}`},
		{` { "b" : 1 , "a" : [ 1 , { } , null , true ] } `, `{"a": [1, {}, null, true], "b": 1}`},
		{`{"a":1.50}`, `{"a": 1.50}`},
		{`{"a":1e3}`, `{"a": 1000}`},
		{`{"a":12345678901234567890.123456789}`, `{"a": 12345678901234567890.123456789}`},
		{`{"a":"\u00e9\ud83d\ude00\n\/"}`, `{"a": "é😀\n/"}`},
		{`{"a":"\u0001"}`, `{"a": "\u0001"}`},
		{deep(100), strings.ReplaceAll(deep(100), `"a":`, `"a": `)},
		{deep(101), ``},
		{`[]`, ``}, {`null`, ``}, {`1`, ``}, {`"a"`, ``}, {`{`, ``}, {`{}}`, ``}, {`{} {}`, ``}, {`{"a":1,}`, ``},
		{`{"a":tru}`, ``}, {`{'a':1}`, ``}, {`{"a":01}`, ``}, {`{"a":.5}`, ``}, {`{"a":+1}`, ``}, {`{"a":1.}`, ``}, {`{"a":NaN}`, ``},
		{`{"a":"\u0000"}`, ``},
		{`{"\u0000":1}`, ``},
		{`{"a":"\ud800"}`, ``}, {`{"a":"\ude00"}`, ``}, {`{"a":"\ud800\ud800"}`, ``}, {`{"a":"\ud800x"}`, ``},
		{"{\"a\":\"\x01\"}", ``},
		{`{"a":1,"a":2}`, ``}, {`{"a":1,"\u0061":1}`, ``},
		{`{"a":1e308}`, `{"a": 1` + strings.Repeat("0", 308) + `}`},
		{`{"a":1e309}`, ``}, {`{"a":-1e309}`, ``}, {`{"a":1.1e308}`, ``}, {`{"a":1e131071}`, ``}, {`{"a":1e200000}`, ``}, {`{"a":1e99999999999999999999}`, ``},
		{`{"a":1e-16383}`, ``}, {`{"a":0e200000}`, ``},
		{`{"a":` + strings.Repeat("1", 100) + `}`, `{"a": ` + strings.Repeat("1", 100) + `}`},
		{`{"a":` + strings.Repeat("1", 101) + `}`, ``}, {`{"a":0.` + strings.Repeat("1", 100) + `}`, ``},
	} {
		m := messagestore.NewMessage{ID: contract.NewID(), Type: "Happened", Data: test.data, Metadata: test.data}
		_, err := store.Write(t.Context(), "json-1", messagestore.Any, m)
		if test.stored == "" {
			if v := want[*messagestore.InvalidError](t, err).Violations; len(v) != 2 || v[0].Field != "messages[0].data" {
				t.Errorf("%.40q: %+v", test.data, v)
			}
			continue
		}
		if err != nil {
			t.Errorf("%.40q: %v", test.data, err)
			continue
		}
		got, err := store.Message(t.Context(), m.ID)
		if err != nil || got.Data != test.stored || got.Metadata != test.stored {
			t.Errorf("%.40q is stored as %.60q, %v, want %.60q", test.data, got.Data, err, test.stored)
		}
	}
}
