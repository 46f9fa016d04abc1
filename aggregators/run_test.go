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

// handle gives the batches to the aggregator, and expects that it applies each at
// once.
func (v view) handle(a aggregators.Aggregator, batches ...[]messagestore.Message) {
	v.t.Helper()
	db, err := viewdata.Open(v.t.Context(), v.url, viewdata.Writer)
	if err != nil {
		v.t.Fatal(err)
	}
	defer db.Close()
	log, logged := v.log()
	sink, end := aggregators.NewSink(a, db, log)
	defer end()
	if _, err := sink.Place(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	for _, batch := range batches {
		if n, err := sink.Handle(v.t.Context(), batch); n != len(batch) || err != nil {
			v.t.Fatalf("handled %d of %d: %v", n, len(batch), err)
		}
	}
	close(logged)
	for line := range logged {
		if line == refusedTogether {
			v.t.Error("messages are applied alone, and not by one statement")
		}
	}
}

// refusedTogether is what the log says of a run that cannot be applied as one.
const refusedTogether = "applying each message alone, since a run of them was refused"

// TestRuns has every kind of statement in one batch: executed at once are those
// that follow one another and have the same SQL, whatever is skipped between.
func TestRuns(t *testing.T) {
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

// TestRun_Poison has in the middle of a run a message that Postgres refuses: those
// before it are applied, those behind it are not, and it is named. So it is where
// another message, behind the run, cannot be read at all.
func TestRun_Poison(t *testing.T) {
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
		"RunBehindPlain": {func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
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
		"PlainBehindRun": {func(e *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
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

// TestRun_RefusedTogether has SQL that breaks its promise, and fails for more than
// one message: each is applied alone, and the log says so.
func TestRun_RefusedTogether(t *testing.T) {
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
	run.awaitLog(refusedTogether)
	v.awaitPlace("together", last)
	if got := v.number("select count(*) from together"); got != last {
		t.Errorf("%d messages are applied, want %d", got, last)
	}
	if got := v.number("select page_data::bigint from pages where page_name = 'one'"); got != last {
		t.Errorf("counted %d, want %d", got, last)
	}
	if err := run.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// TestRun_Values has values of each type that a handler may give, and null.
func TestRun_Values(t *testing.T) {
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
