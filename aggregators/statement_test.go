package aggregators_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

// handle passes the batches to the aggregator, and expects that it applies each as a
// whole.
func (v view) handle(a aggregators.Aggregator, batches ...[]messagestore.Message) {
	v.t.Helper()
	db, err := viewdata.Open(v.t.Context(), v.url, viewdata.Writer)
	if err != nil {
		v.t.Fatal(err)
	}
	defer db.Close()
	log, logged := v.log()
	h, disconnect := aggregators.NewBatchHandler(a, db, log)
	defer disconnect()
	if _, err := h.Place(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	for _, batch := range batches {
		if n, err := h.Handle(v.t.Context(), batch); n != len(batch) || err != nil {
			v.t.Fatalf("handled %d of %d: %v", n, len(batch), err)
		}
	}
	close(logged)
	for line := range logged {
		if line == mergedFailed {
			v.t.Error("statements were not merged")
		}
	}
}

const mergedFailed = "merged statement failed, applying each message separately"

// TestForMessages_Merge has all kinds of statements in one batch. Successive ones
// with the same SQL are merged, also if skipped messages are between them.
func TestForMessages_Merge(t *testing.T) {
	t.Parallel()
	v := newView(t)
	v.exec("create table runs (number serial, name text, positions text, ids text)")
	v.exec("grant all on runs, runs_number_seq to view_writer")
	const first = "insert into runs (name, positions) select 'first', array_to_string($1::bigint[], ' ', 'null')"
	a := aggregators.Aggregator{ID: "test", Handlers: aggregators.Handlers{aggregators.OnAny(func(m messagestore.Message) aggregators.Statement {
		switch m.Type {
		case "First":
			return aggregators.ForMessages(first, m.GlobalPosition)
		case "Second":
			return aggregators.ForMessages("insert into runs (name, positions) select 'second', array_to_string($1::bigint[], ' ')", m.GlobalPosition)
		case "Null":
			return aggregators.ForMessages(first, nil)
		case "Entities":
			return aggregators.ForEntities(m, `insert into runs (name, ids, positions)
				select 'entities', array_to_string($1::uuid[], ' '), array_to_string($2::bigint[], ' ')`, m.GlobalPosition)
		case "Plain":
			return aggregators.Statement{SQL: "insert into runs (name, positions) values ('plain', $1::bigint)", Args: []any{m.GlobalPosition}}
		case "FirstPlain":
			return aggregators.Statement{SQL: first, Args: []any{[]int64{m.GlobalPosition}}}
		}
		return aggregators.Skip("nothing to do")
	})}}
	var messages []messagestore.Message
	for i, kind := range []string{
		"Skipped", "First", "First", "Skipped", "Null", "Plain", "First", "FirstPlain", "FirstPlain", "First",
		"Entities", "Undefined", "Entities", "Plain", "Plain", "Entities",
		"First", "Second", "Second", "First",
	} {
		m := messagestore.Message{ID: uuid.NewString(), Stream: "a-" + ada, Type: kind, GlobalPosition: int64(i + 1)}
		switch {
		case kind == "Undefined":
			m.Stream, m.Type = "a-undefined", "Entities"
		case i%4 == 0:
			m.Stream = "a-" + bob
		}
		messages = append(messages, m)
	}
	v.handle(a, messages)
	want := []string{
		"first 2 3 null", "plain 6", "first 7", "first 8", "first 9", "first 10",
		"entities " + ada + " " + bob + " 11 13", "plain 14", "plain 15", "entities " + ada + " 16",
		"first 17", "second 18 19", "first 20",
	}
	if got := v.texts("select concat_ws(' ', name, ids, positions) from runs order by number"); !slices.Equal(got, want) {
		t.Errorf("runs\n%q, want\n%q", got, want)
	}
}

// TestForMessages_Poison has a message in the middle of a run that Postgres rejects.
// The messages before it are applied, those after it are not, and the error names it.
// In one case, a message after the run cannot be decoded.
func TestForMessages_Poison(t *testing.T) {
	t.Parallel()
	const poison, last = 31, 60
	numbers := func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
		return aggregators.ForMessages("insert into poisoned select n from unnest($1::bigint[]) as n where 1 / (n - 31) is not null", m.GlobalPosition)
	}
	for name, test := range map[string]struct {
		handle   func(*viewingv1.VideoViewed, messagestore.Message) aggregators.Statement
		lastData string
		rows     int64
	}{
		"Run": {numbers, `{}`, poison - 1},
		"RunAfterPlain": {func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			if m.GlobalPosition < poison-10 {
				return insert(e, m)
			}
			return numbers(e, m)
		}, `{}`, poison - 1},
		"Skipped": {func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			if m.GlobalPosition == poison-1 || m.GlobalPosition == poison+1 {
				return aggregators.Skip("nothing to do")
			}
			return numbers(e, m)
		}, `{}`, poison - 2},
		"PlainAfterRun": {func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			if m.GlobalPosition == poison {
				return aggregators.Statement{SQL: "select 1 / ($1::bigint - $1::bigint)", Args: []any{m.GlobalPosition}}
			}
			return numbers(e, m)
		}, `{}`, poison - 1},
		"Undecodable": {numbers, `{"videoId": 1}`, poison - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			v := newView(t)
			watch(t, store, last-1)
			write(t, store, "viewing-1", "VideoViewed", test.lastData)
			write(t, store, "subscriberPosition-1", "Read", `{"position": 1}`)
			v.expectPoisoned(store, poison, test.rows, test.handle)
		})
	}
}

// TestForMessages_MergedFails has SQL that fails for more than one message. Each
// message is applied separately.
func TestForMessages_MergedFails(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	last := watch(t, store, 20)
	run := v.run(store, nil, inserter(v, "together", func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
		return aggregators.ForMessages(`
			with one as (
				insert into pages as p (page_name, page_data)
				select 'one', '1'
				from unnest($1::bigint[])
				on conflict (page_name) do update set page_data = to_jsonb(p.page_data::bigint + 1)
			)
			insert into together select n from unnest($1) as n`, m.GlobalPosition)
	}))
	run.awaitLog(mergedFailed)
	v.awaitPosition("together", last)
	v.expectNumber("select count(*) from together", last)
	v.expectNumber("select page_data::bigint from pages where page_name = 'one'", last)
	run.expectReady()
}

// TestForMessages_Values has elements of all types, and null.
func TestForMessages_Values(t *testing.T) {
	t.Parallel()
	v := newView(t)
	v.exec("create table kinds (number serial, id uuid, name text, n bigint, at timestamptz, data jsonb, yes boolean)")
	v.exec("grant all on kinds, kinds_number_seq to view_writer")
	a := aggregators.Aggregator{ID: "test", Handlers: aggregators.Handlers{aggregators.OnAny(func(m messagestore.Message) aggregators.Statement {
		const sql = `insert into kinds (id, name, n, at, data, yes)
			select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[], $6::boolean[])`
		if m.GlobalPosition%2 == 1 {
			return aggregators.ForMessages(sql, (*uuid.UUID)(nil), (*string)(nil), nil, nil, nil, nil)
		}
		id := uuid.MustParse(ada)
		if m.GlobalPosition == 2 {
			return aggregators.ForMessages(sql, id, m.Type, m.GlobalPosition, m.Time, m.Data, true)
		}
		return aggregators.ForMessages(sql, &id, &m.Type, int(m.GlobalPosition), &m.Time, &m.Data, false)
	})}}
	var messages []messagestore.Message
	for i := range 4 {
		messages = append(messages, messagestore.Message{
			ID: uuid.NewString(), Stream: "a-1", Type: `a "quoted", {one} \ null`, Data: `{"a": "\" \\ ü"}`, GlobalPosition: int64(i + 1),
		})
	}
	v.handle(a, messages)
	const row = ada + `|a "quoted", {one} \ null|%d|0001-01-01|{"a": "\" \\ ü"}|%t`
	want := []string{"-", fmt.Sprintf(row, 2, true), "-", fmt.Sprintf(row, 4, false)}
	got := v.texts(`select coalesce(nullif(concat_ws('|', id, name, n, to_char(at at time zone 'utc', 'YYYY-MM-DD'), data,
		case when yes then 'true' when not yes then 'false' end), ''), '-') from kinds order by number`)
	if !slices.Equal(got, want) {
		t.Errorf("rows\n%q, want\n%q", got, want)
	}
}
