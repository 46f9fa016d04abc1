package audit_test

import (
	"context"
	"slices"
	"testing"

	"videotutorials/internal/test/testdb"
)

const (
	dropID       = "drop index message_store.messages_id;"
	dropStream   = "drop index message_store.messages_stream;"
	dropPosition = "alter table message_store.messages drop constraint messages_global_position;"
	update       = "update message_store.messages "
	remove       = "delete from message_store.messages "
)

// loose allows null in the columns.
const loose = dropPosition + `alter table message_store.messages alter global_position drop not null, alter position drop not null,
	alter id drop not null, alter stream_name drop not null, alter type drop not null, alter writer drop not null, alter time drop not null;`

// behind executes statements without updating the index, which then lacks the entries.
func behind(index, sql string) string {
	set := func(ready string) string {
		return "update pg_index set indisready = " + ready + " where indexrelid = 'message_store." + index + "'::regclass;"
	}
	return set("false") + sql + ";" + set("true")
}

// TestAudit_Damage checks that exactly the caused damage is reported.
func TestAudit_Damage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sql  string
		want []string
	}{
		"Deleted":           {remove + "where global_position = 50", sorted("missing $all 50", "missing orders-1 46")},
		"DeletedRange":      {remove + "where global_position between 50 and 59", sorted("missing $all 50-59", "missing orders-1 46-55")},
		"DeletedTwice":      {remove + "where global_position in (50, 52)", sorted("missing $all 50", "missing $all 52", "missing orders-1 46", "missing orders-1 48")},
		"DeletedFirst":      {remove + "where global_position = 1", sorted("missing $all 1", "missing old-1 0")},
		"DeletedLastButOne": {remove + "where global_position = 232", sorted("missing $all 232", "missing mail-1 8")},
		"DeletedPosition0":  {remove + "where global_position = 107", sorted("missing $all 107", "missing stock-1 0")},
		"DeletedStream":     {remove + "where stream_name = 'stock-2'", sorted("missing $all 157-206")},
		"DeletedCheckpoint": {remove + "where global_position = 217", sorted("missing $all 217")},

		"GlobalPosition0":  {update + "set global_position = 0 where global_position = 1", sorted("missing $all 1", "out-of-range $all 0")},
		"GlobalFarBeyond":  {update + "set global_position = 1000 where global_position = 233", sorted("missing $all 233-999")},
		"NegativePosition": {update + "set position = -1 where global_position = 105", sorted("out-of-range pinned-1 -1")},
		"Swapped": {update + "set global_position = -1 where global_position = 110;" + update + "set global_position = 110 where global_position = 111;" +
			update + "set global_position = 111 where global_position = -1",
			sorted("out-of-order stock-1 4 at global position 110: the one before is at 111")},

		"DuplicateID": {dropID + update + "set id = '" + id(60) + "' where global_position = 61",
			sorted("duplicate-id orders-1 57 at global position 61: " + id(60) + " is at global position 60 already")},
		"DuplicatePosition":       {dropStream + "select forge(234, 'stock-1', 10, 'carol')", sorted("duplicate-position stock-1 10")},
		"DuplicateGlobalPosition": {dropPosition + "select forge(233, 'mail-1', 10, 'alice')", sorted("duplicate-position $all 233")},
		"DuplicateMessages": {dropID + dropStream + dropPosition +
			"insert into message_store.messages select * from message_store.messages where global_position between 107 and 108",
			sorted("duplicate-position $all 107-108", "duplicate-position stock-1 0-1",
				"duplicate-id stock-1 0 at global position 107: "+id(107)+" is at global position 107 already",
				"duplicate-id stock-1 1 at global position 108: "+id(108)+" is at global position 108 already")},

		"Triplicate": {dropID + dropStream + dropPosition + "select forge(233, 'mail-1', 9, 'alice') from generate_series(1, 2)",
			sorted("duplicate-position $all 233", "duplicate-position mail-1 9")},

		"LostByIDs": {behind("messages_id", "select forge(234, 'mail-1', 10, 'alice', id => '"+id(60)+"')"),
			sorted("duplicate-id mail-1 10 at global position 234: " + id(60) + " is at global position 60 already")},
		"LostByStreams":         {behind("messages_stream", "select forge(234, 'stock-1', 10, 'carol')"), sorted("duplicate-position stock-1 10")},
		"LostByGlobalPositions": {behind("messages_global_position", "select forge(234, 'mail-1', 10, '')"), sorted("no-value mail-1 10 at global position 234: writer")},

		"BadName": {update + "set stream_name = 'nodash' where global_position = 105",
			sorted(`bad-name nodash 0 at global position 105: "nodash" is not category-id`)},
		"BadNameOfLast": {update + "set stream_name = E'mail-1\\n', position = 0 where global_position = 233",
			sorted(`bad-name "mail-1\n" 0 at global position 233: "mail-1\n" has a control character`)},
		"BadType":   {update + "set type = '' where global_position = 60", sorted("bad-type orders-1 56 at global position 60: is required")},
		"NullData":  {update + "set data = null where global_position = 60", sorted("bad-data orders-1 56 at global position 60: is null")},
		"ArrayData": {update + "set data = '[]' where global_position = 233", sorted("bad-data mail-1 9 at global position 233: is array")},
		"BadMetadata": {update + "set metadata = '3' where global_position = 60",
			sorted("bad-metadata orders-1 56 at global position 60: is number")},
		"NoMetadata":     {update + "set metadata = null where global_position = 60", nil},
		"ThroughSQLDoor": {"select forge(234, 'door-1', 0, 'sql:message_store', data => null)", nil},
		"NoType":         {loose + update + "set type = null where global_position = 60", sorted("no-value orders-1 56 at global position 60: type")},
		"NoWriter":       {loose + update + "set writer = null where global_position = 60", sorted("no-value orders-1 56 at global position 60: writer")},
		"NoIDAndTime": {loose + update + "set id = null, time = null where global_position in (60, 61)",
			sorted("no-value orders-1 56 at global position 60: id, time", "no-value orders-1 57 at global position 61: id, time")},
		"NoStream": {loose + update + "set stream_name = null where global_position = 233", sorted(`no-value "" 9 at global position 233: stream`)},
		"NoPosition": {loose + update + "set position = null where global_position in (232, 233)",
			sorted("no-value mail-1 0 at global position 232: position", "no-value mail-1 0 at global position 233: position")},
		"NoGlobalPosition": {loose + update + "set global_position = null where global_position = 233", sorted("no-value mail-1 9: global position")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, test.sql, test.want)
		})
	}
}

// expect damages a log and compares the report of its audit.
func expect(t *testing.T, sql string, want []string) {
	t.Helper()
	url := newLog(t)
	if err := exec(t.Context(), url, sql); err != nil {
		t.Fatal(err)
	}
	if got, _ := run(t, newAudit(t, url)); !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestAudit_Owner(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sql  string
		want []string
	}{
		"Forged": {update + "set writer = 'bob' where global_position = 60",
			sorted("not-owner orders-1 56 at global position 60: written by bob, the owner is alice")},
		"ForgedLast": {update + "set writer = 'bob' where global_position = 233",
			sorted("not-owner mail-1 9 at global position 233: written by bob, the owner is alice")},
		"ForgedMany": {update + "set writer = case when global_position < 63 then 'bob' else 'carol' end where global_position in (60, 61, 62, 63, 65)",
			sorted("not-owner orders-1 56 at global position 60: written by bob, the owner is alice, and 2 more up to global position 62",
				"not-owner orders-1 59 at global position 63: written by carol, the owner is alice",
				"not-owner orders-1 61 at global position 65: written by carol, the owner is alice")},
		"BeforeTransfer": {update + "set writer = 'carol' where global_position = 206",
			sorted("not-owner stock-2 49 at global position 206: written by carol, the owner is bob")},
		"AfterTransfer": {update + "set writer = 'bob' where global_position = 208",
			sorted("not-owner stock-1 50 at global position 208: written by bob, the owner is carol")},
		"WithoutTransfer": {remove + "where global_position = 207",
			sorted("missing $all 207",
				"not-owner stock-1 50 at global position 208: written by carol, the owner is bob, and 9 more up to global position 217")},
		"AfterAnonymous": {"select forge(234, 'old-1', 2, 'bob')",
			sorted("not-owner old-1 2 at global position 234: written by bob without a claim")},
		"Pinned": {"select forge(234, 'pinned-1', 1, 'bob')",
			sorted("not-owner pinned-1 1 at global position 234: written by bob, the owner is alice")},
		"Position": {update + "set writer = 'bob' where global_position = 221",
			sorted("not-owner subscriberPosition-billing 1 at global position 221: written by bob, the owner is alice")},
		"PositionAfterAnonymous": {update + "set writer = 'anonymous' where global_position = 220", nil},
		"Anonymous":              {update + "set writer = 'anonymous' where global_position in (60, 208)", nil},

		"ForgedClaim": {`select forge(234, 'ownership-mail', 1, 'bob', 'Transferred', '{"owner": "bob", "from": "alice"}'), forge(235, 'mail-1', 10, 'bob')`,
			sorted("not-owner ownership-mail 1 at global position 234: written by bob, the owner is store",
				"not-owner mail-1 10 at global position 235: written by bob, the owner is alice")},
		"AnonymousClaim": {`select forge(234, 'ownership-mail', 1, 'anonymous', 'Transferred', '{"owner": "bob", "from": "alice"}')`,
			sorted("not-owner ownership-mail 1 at global position 234: written by anonymous, the owner is store")},
		"ClaimedTwice": {`select forge(234, 'ownership-mail', 1, 'store', 'Claimed', '{"owner": "bob"}'), forge(235, 'mail-1', 10, 'bob')`,
			sorted("bad-claim ownership-mail 1 at global position 234: claimed by bob, the owner is alice")},
		"FromAnother": {`select forge(234, 'ownership-mail', 1, 'store', 'Transferred', '{"owner": "bob", "from": "carol"}'), forge(235, 'mail-1', 10, 'bob')`,
			sorted(`bad-claim ownership-mail 1 at global position 234: transferred from "carol", the owner is "alice"`)},
		"FromNobody": {`select forge(234, 'ownership-mail', 1, 'store', 'Transferred', '{"owner": "bob"}')`,
			sorted(`bad-claim ownership-mail 1 at global position 234: transferred from "", the owner is "alice"`)},
		"NoOwner": {`select forge(234, 'ownership-mail', 1, 'store', 'Claimed', '{}'), forge(235, 'mail-1', 10, 'alice')`,
			sorted("bad-claim ownership-mail 1 at global position 234: names no owner")},
		"NoClaim": {`select forge(234, 'ownership-mail', 1, 'store', 'Released', '{"owner": "bob"}'), forge(235, 'mail-1', 10, 'alice')`,
			sorted(`bad-claim ownership-mail 1 at global position 234: is "Released", neither Claimed nor Transferred`)},
		"NoData": {"select forge(234, 'ownership-mail', 1, 'store', 'Claimed', null)",
			sorted("bad-data ownership-mail 1 at global position 234: is null")},
		"LongName": {`select forge(234, 'ownership-' || repeat('c', 255), 0, 'store', 'Claimed', '{"owner": "bob"}')`, nil},
		"Released": {`select forge(234, 'ownership-mail', 1, 'store', 'Transferred', '{"owner": "anonymous", "from": "alice"}'),
				forge(235, 'ownership-mail', 2, 'store', 'Claimed', '{"owner": "bob"}'), forge(236, 'mail-1', 10, 'bob')`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, test.sql, test.want)
		})
	}
}

func TestAudit_Checkpoint(t *testing.T) {
	t.Parallel()
	read := func(data string) string {
		return update + "set data = '" + data + "' where stream_name = 'subscriberPosition-billing' and position = 1"
	}
	for name, test := range map[string]struct {
		sql  string
		want []string
	}{
		"Ahead":  {read(`{"position": 234}`), sorted("checkpoint-ahead subscriberPosition-billing 234: the head is 233")},
		"AtHead": {read(`{"position": 233, "messageId": "` + id(233) + `"}`), nil},
		"AtLastDiverged": {read(`{"position": 233, "messageId": "` + id(232) + `"}`),
			sorted("checkpoint-diverged subscriberPosition-billing 233: names the message " + id(232))},
		"Original": {read(`{"position": "217"}`), nil},
		"Start":    {read(`{"position": 0, "messageId": ""}`), nil},
		"Diverged": {read(`{"position": 216, "messageId": "` + id(217) + `"}`),
			sorted("checkpoint-diverged subscriberPosition-billing 216: names the message " + id(217))},
		"ChangedMessage": {update + "set id = '" + id(500) + "' where global_position = 217",
			sorted("checkpoint-diverged subscriberPosition-billing 217: names the message " + id(217))},
		"BothAtOnePosition": {update + `set data = '{"position": 217, "messageId": "` + id(216) + `"}' where global_position = 222`,
			sorted("checkpoint-diverged subscriberPosition-report 217: names the message " + id(216))},
		"EarlierOne": {update + `set data = '{"position": 900}' where global_position = 220`, nil},
		"Text":       {read(`{"position": "far"}`), sorted(`bad-checkpoint subscriberPosition-billing 1 at global position 221: {"position": "far"}`)},
		"Negative":   {read(`{"position": -5}`), sorted(`bad-checkpoint subscriberPosition-billing 1 at global position 221: {"position": -5}`)},
		"NoUUID": {read(`{"position": 5, "messageId": "x"}`),
			sorted(`bad-checkpoint subscriberPosition-billing 1 at global position 221: {"position": 5, "messageId": "x"}`)},
		"NoObject": {read("[]"), sorted("bad-data subscriberPosition-billing 1 at global position 221: is array")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, test.sql, test.want)
		})
	}
}

// newViews returns the URL of a database with the checkpoints of View Data.
func newViews(t *testing.T) string {
	t.Helper()
	return testdb.New(t, "views", func(ctx context.Context, url string) error {
		return exec(ctx, url, "create table consumer_positions (consumer_id text primary key, position bigint not null, message_id uuid)")
	})
}

// TestAudit_Views checks the checkpoints of views: one beyond a truncated log, and one
// with the id of another message.
func TestAudit_Views(t *testing.T) {
	t.Parallel()
	url, views := newLog(t), newViews(t)
	err := exec(t.Context(), views, `insert into consumer_positions values
		('new', 0, null), ('fine', 217, '`+id(217)+`'), ('unproven', 217, null),
		('diverged', 216, '`+id(217)+`'), ('ahead', 233, '`+id(233)+`')`)
	if err != nil {
		t.Fatal(err)
	}
	a := newAudit(t, url)
	a.Views = views
	diverged := "checkpoint-diverged consumer_positions/diverged 216: names the message " + id(217)
	if got, _ := run(t, a); !slices.Equal(got, []string{diverged}) {
		t.Errorf("%q", got)
	}
	if err := exec(t.Context(), url, remove+"where global_position > 223"); err != nil {
		t.Fatal(err)
	}
	got, summary := run(t, a)
	want := sorted(diverged, "checkpoint-ahead consumer_positions/ahead 233: the head is 223")
	if !slices.Equal(got, want) || summary.Head != 223 {
		t.Errorf("got\n%q, want\n%q; head %d", got, want, summary.Head)
	}
	a.Views = ""
	if got, _ := run(t, a); len(got) > 0 {
		t.Errorf("without the views: %q", got)
	}
}
