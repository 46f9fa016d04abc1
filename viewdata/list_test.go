package viewdata_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/viewdata"
)

// fill inserts 120 rows into each list. Some users have no address, or the same.
func fill(t *testing.T, url string) {
	t.Helper()
	exec(t, url,
		`insert into admin_users (id, email) select gen_random_uuid(), case when n < 60 then '' else 'user' || n / 7 end from generate_series(1, 119) n`,
		`insert into admin_users (id) values ('00000000-0000-0000-0000-000000000000')`,
		`insert into admin_streams select 'stream-' || n, n, gen_random_uuid(), n from generate_series(1, 120) n`,
		`insert into admin_subscriber_positions select 'both' || n, n, n from generate_series(1, 60) n`,
		`insert into consumer_positions select 'both' || n, n from generate_series(1, 60) n`,
		`insert into admin_messages select n, gen_random_uuid(), 'a-1', n, 'a', 'T', null, null, now(), '', '{}', '{}' from generate_series(1, 120) n`,
		fmt.Sprintf(`insert into home_videos (video_id, owner_id, published_position) select gen_random_uuid(), '%s', n * 7 from generate_series(1, 120) n`, ada),
		`insert into home_videos (video_id, views, name) select gen_random_uuid(), 1, 'not published' from generate_series(1, 9)`,
		fmt.Sprintf(`insert into creators_portal_videos (id, owner_id, status, position, first_position)
			select gen_random_uuid(), case when n %% 5 = 0 then '%s' else '%s' end::uuid, 'published', 0, n from generate_series(1, 150) n`, bob, ada),
		`insert into admin_types select 'type"<' || n, n from generate_series(1, 120) n`,
		`insert into admin_categories select 'Kategorie ü' || n, n from generate_series(1, 120) n`,
	)
}

// TestLists_Pages reads each list in pages of several sizes and counts their rows.
func TestLists_Pages(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	fill(t, url)
	for name, list := range listReads {
		for size, want := range map[int][]int{
			0: {50, 50, 20}, 50: {50, 50, 20}, 7: append(slices.Repeat([]int{7}, 17), 1), 60: {60, 60}, 120: {120}, 1000: {120},
		} {
			var got []int
			for r := (viewdata.PageRequest{Size: size}); ; {
				n, next, err := list(t.Context(), db, r)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got = append(got, n)
				if r.Token = next; next == "" || len(got) > 20 {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s in pages of %d: %v rows, want %v", name, size, got, want)
			}
		}
	}
}

// TestLists_PageBytes asserts that a page has at most 1 MiB, and at least one row.
func TestLists_PageBytes(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url, `insert into creators_portal_videos (id, owner_id, description, status, position, first_position)
		select gen_random_uuid(), '`+ada+`', repeat('x', case n when 1 then 2000000 else 40000 end), 'published', n, n from generate_series(1, 100) n`)
	seen := map[string]bool{}
	for r := (viewdata.PageRequest{Size: 1000}); ; {
		page, err := viewdata.ReadCreatorsVideos(t.Context(), db, ada, r)
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, v := range page.Rows {
			bytes += len(v.Description)
			seen[v.ID] = true
		}
		if len(page.Rows) == 0 || len(page.Rows) > 1 && bytes > 1<<20 {
			t.Errorf("a page of %d rows has %d bytes", len(page.Rows), bytes)
		}
		if r.Token = page.Next; page.Next == "" {
			break
		}
	}
	if len(seen) != 100 {
		t.Errorf("the pages have %d videos, want 100", len(seen))
	}
}

// TestLists_Order asserts that pages have each row once, in the order of their
// keys.
func TestLists_Order(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	fill(t, url)
	newest := func(position int64) string { return fmt.Sprintf("%09d", math.MaxInt16-position) }
	for name, keys := range map[string][]string{
		"users":     keys(t, db, viewdata.ReadAdminUsers, func(u viewdata.AdminUser) string { return u.Email + " " + u.ID }),
		"messages":  keys(t, db, readMessages, func(m viewdata.AdminMessage) string { return newest(m.GlobalPosition) }),
		"positions": keys(t, db, readPositions, func(p viewdata.AdminPosition) string { return fmt.Sprint(p.ID, " ", p.Aggregator) }),
		"streams":   keys(t, db, viewdata.ReadAdminStreams, func(s viewdata.AdminStream) string { return s.StreamName }),
		"home":      keys(t, db, viewdata.ReadHomePageVideos, func(v viewdata.HomePageVideo) string { return newest(v.PublishedPosition) }),
		"videos":    keys(t, db, readAdasVideos, func(v viewdata.CreatorsVideo) string { return newest(v.FirstPosition) }),
	} {
		if sorted := slices.Compact(slices.Sorted(slices.Values(keys))); len(keys) != 120 || !slices.Equal(keys, sorted) {
			t.Errorf("%s: keys %q, want 120 in order, each once", name, keys)
		}
	}
}

// keys returns the keys of all rows of a list, read in pages.
func keys[T any](t *testing.T, db *pgxpool.Pool, read func(context.Context, *pgxpool.Pool, viewdata.PageRequest) (viewdata.Page[T], error), key func(T) string) (keys []string) {
	t.Helper()
	for r := (viewdata.PageRequest{Size: 11}); ; {
		page, err := read(t.Context(), db, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			keys = append(keys, key(row))
		}
		if r.Token = page.Next; r.Token == "" {
			return keys
		}
	}
}

// TestLists_NewMessages inserts messages between the reads of two pages. The second
// page continues after the first.
func TestLists_NewMessages(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	fill(t, url)
	first, err := viewdata.ReadAdminMessages(t.Context(), db, viewdata.MessageFilter{}, viewdata.PageRequest{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, url, `insert into admin_messages select n, gen_random_uuid(), 'a-1', n, 'a', 'T', null, null, now(), '', '{}', '{}' from generate_series(121, 140) n`)
	second, err := viewdata.ReadAdminMessages(t.Context(), db, viewdata.MessageFilter{}, viewdata.PageRequest{Size: 10, Token: first.Next})
	if err != nil || second.Rows[0].GlobalPosition != 110 {
		t.Errorf("second page begins with %+v, %v, want 110", second.Rows[0], err)
	}
}

func TestLists_Invalid(t *testing.T) {
	t.Parallel()
	db := open(t, migrated(t), viewdata.Reader)
	token := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for field, requests := range map[string][]viewdata.PageRequest{
		"pageSize":  {{Size: -1}, {Size: 1001}, {Size: math.MinInt}},
		"pageToken": {{Token: "?"}, {Token: token("{")}, {Token: token("[1]")}, {Token: token("1.5")}, {Token: token("null")}},
	} {
		for _, r := range requests {
			for name, list := range listReads {
				var invalid *viewdata.InvalidError
				if _, _, err := list(t.Context(), db, r); !errors.As(err, &invalid) || invalid.Field != field {
					t.Errorf("%s %+v: %v, want an *InvalidError of %s", name, r, err, field)
				}
			}
		}
	}
	for _, text := range []string{`"\u0000"`, `{"Email": "\u0000", "ID": "` + ada + `"}`, `{"Email": "", "ID": "x"}`, `{"ID": "\u0000"}`, `9223372036854775808`} {
		for name, list := range listReads {
			var invalid *viewdata.InvalidError
			if _, _, err := list(t.Context(), db, viewdata.PageRequest{Token: token(text)}); err != nil && !errors.As(err, &invalid) {
				t.Errorf("%s %s: %v, want nil or an *InvalidError", name, text, err)
			}
		}
	}
}

func TestReadAdminMessages_Filter(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url, `insert into admin_messages values
		(1, gen_random_uuid(), 'identity-1', 0, 'identity', 'Registered', '`+trace+`', '`+ada+`', now(), 'w', '{"a": 1}', '{}'),
		(2, gen_random_uuid(), 'viewing-1', 0, 'viewing', 'VideoViewed', null, '`+ada+`', now(), 'w', '{}', '{}'),
		(3, '`+bob+`', 'viewing-1', 1, 'viewing', 'VideoViewed', null, null, '2026-01-02 03:04:05+00', 'w', '{"a": 1}', '{"b": 2}'),
		(4, gen_random_uuid(), 'viewing-2', 0, 'viewing', 'Other', '`+trace+`', '`+bob+`', now(), 'w', '{}', '{}')`)
	for _, test := range []struct {
		filter viewdata.MessageFilter
		want   []int64
	}{
		{viewdata.MessageFilter{}, []int64{4, 3, 2, 1}},
		{viewdata.MessageFilter{Category: "viewing"}, []int64{4, 3, 2}},
		{viewdata.MessageFilter{Stream: "viewing-1"}, []int64{3, 2}},
		{viewdata.MessageFilter{Type: "VideoViewed"}, []int64{3, 2}},
		{viewdata.MessageFilter{TraceID: trace}, []int64{4, 1}},
		{viewdata.MessageFilter{TraceID: "urn:uuid:" + trace}, []int64{4, 1}},
		{viewdata.MessageFilter{UserID: ada}, []int64{2, 1}},
		{viewdata.MessageFilter{UserID: ada, Category: "viewing"}, []int64{2}},
		{viewdata.MessageFilter{UserID: bob, TraceID: trace, Type: "Other", Category: "viewing", Stream: "viewing-2"}, []int64{4}},
		{viewdata.MessageFilter{Category: "view"}, nil},
	} {
		page, err := viewdata.ReadAdminMessages(t.Context(), db, test.filter, viewdata.PageRequest{})
		var got []int64
		for _, m := range page.Rows {
			got = append(got, m.GlobalPosition)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, %v, want %v", test.filter, got, err, test.want)
		}
	}
	for field, f := range map[string]viewdata.MessageFilter{
		"category": {Category: "\x00"}, "stream": {Stream: "\xff"}, "type": {Type: "\x00"}, "traceId": {TraceID: "x"}, "userId": {UserID: "\x00"},
	} {
		var invalid *viewdata.InvalidError
		if _, err := viewdata.ReadAdminMessages(t.Context(), db, f, viewdata.PageRequest{}); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%+v: %v, want an *InvalidError of %s", f, err, field)
		}
	}
	m, err := viewdata.ReadAdminMessage(t.Context(), db, bob)
	if got := fmt.Sprint(m); err != nil || got != fmt.Sprint(viewdata.AdminMessage{
		ID: bob, GlobalPosition: 3, StreamName: "viewing-1", Position: 1, Category: "viewing", Type: "VideoViewed",
		Time: m.Time, Writer: "w", Data: `{"a": 1}`, Metadata: `{"b": 2}`,
	}) || m.Time.String() != "2026-01-02 03:04:05 +0000 UTC" {
		t.Errorf("message %s, %v", got, err)
	}
}

func TestReadAdminPositions_Lag(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url,
		fmt.Sprintf(`insert into admin_subscriber_positions values ('a', 90, 100), ('b', %d, 80), ('c', %d, 95)`, math.MaxInt64, math.MinInt64),
		`insert into consumer_positions values ('a', 98)`)
	for head, want := range map[int64][]int64{0: {10, 2, 0, 100}, 99: {10, 2, 0, 100}, 150: {60, 52, 0, 150}, -1: {10, 2, 0, 100}} {
		page, err := viewdata.ReadAdminPositions(t.Context(), db, head, viewdata.PageRequest{})
		var lag []int64
		for _, p := range page.Rows {
			lag = append(lag, p.Lag)
		}
		if err != nil || !slices.Equal(lag, want) {
			t.Errorf("head %d: lag %v, %v, want %v", head, lag, err, want)
		}
		if got := fmt.Sprint(page.Rows[:2]); got != fmt.Sprintf("[{a false 90 %d 100} {a true 98 %d 0}]", want[0], want[1]) {
			t.Errorf("positions %s", got)
		}
	}
}
