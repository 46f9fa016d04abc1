package aggregators_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"videotutorials/aggregators"
	"videotutorials/aggregators/adminmessages"
	"videotutorials/aggregators/adminpositions"
	"videotutorials/aggregators/adminstreams"
	"videotutorials/aggregators/sessions"
	"videotutorials/aggregators/usercredentials"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestOnAny_MissesNothing_D2 writes single messages while an aggregator of all
// messages runs, and more than a batch while it does not.
func TestOnAny_MissesNothing_D2(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	run := v.run(store, nil, adminstreams.Aggregator())
	for range 10 {
		v.awaitPosition("aggregators:admin-streams", watch(t, store, 1))
	}
	run.stop()
	last := watch(t, store, 600)
	v.run(store, nil, adminstreams.Aggregator())
	v.awaitPosition("aggregators:admin-streams", last)
	v.expectStreams(store)
}

// TestOnAny_ConcurrentWriters_D3 has eight writers to eight categories, and two
// instances of the aggregators of all messages. Their tables agree with the store.
func TestOnAny_ConcurrentWriters_D3(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	for range 2 {
		v.run(store, aggregators.Unlock, adminstreams.Aggregator(), adminmessages.Aggregator())
	}
	var writers errgroup.Group
	for i := range 8 {
		writers.Go(func() error {
			for n := range 60 {
				stream := messagestore.Category(fmt.Sprintf("category%d", i)).Stream(fmt.Sprint(n % 3))
				message := messagestore.NewMessage{ID: uuid.NewString(), Type: fmt.Sprintf("Type%d", n%2), Data: "{}"}
				if _, err := store.Write(t.Context(), stream, messagestore.Any, message); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	const all = 8 * 60
	v.awaitPosition("aggregators:admin-streams", all)
	v.awaitPosition("aggregators:admin-messages", all)
	v.expectStreams(store)
	for sql, want := range map[string]int64{
		"select count(*) from admin_messages":                                all,
		"select max(global_position) from admin_messages":                    all,
		"select min(message_count) from admin_types":                         all / 2,
		"select count(*) from admin_categories where message_count = 60":     8,
		"select count(distinct (stream_name, position)) from admin_messages": all,
	} {
		v.expectNumber(sql, want)
	}
}

// expectStreams compares admin_streams with the streams of the store, at most 1,000.
func (v view) expectStreams(store messagestore.Store) {
	v.t.Helper()
	page, err := store.Streams(v.t.Context(), messagestore.ListRequest{Size: 1000})
	if err != nil {
		v.t.Fatal(err)
	}
	got := v.texts(`select concat_ws(' ', stream_name, message_count, last_message_id, last_message_global_position)
		from admin_streams order by stream_name`)
	if len(got) != len(page.Streams) {
		v.t.Fatalf("streams %q, want %d", got, len(page.Streams))
	}
	for i, s := range page.Streams {
		last, err := store.Last(v.t.Context(), s.Stream, "")
		if err != nil {
			v.t.Fatal(err)
		}
		if want := fmt.Sprint(s.Stream, " ", s.Messages, " ", last.ID, " ", last.GlobalPosition); got[i] != want {
			v.t.Errorf("stream %s, want %s", got[i], want)
		}
	}
}

// TestRun_ForeignMessages_D4 has more messages of other categories or types before
// those of the aggregator than are skipped without saving the position.
func TestRun_ForeignMessages_D4(t *testing.T) {
	t.Parallel()
	const foreign = 10_500
	for name, stream := range map[string]messagestore.Stream{"Category": "viewing-1", "Type": "identity-1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			for range foreign / 500 {
				many := make([]messagestore.NewMessage, 500)
				for i := range many {
					many[i] = messagestore.NewMessage{ID: uuid.NewString(), Type: "Other", Data: "{}"}
				}
				if _, err := store.Write(t.Context(), stream, messagestore.Any, many...); err != nil {
					t.Fatal(err)
				}
			}
			v := newView(t)
			v.run(store, nil, usercredentials.Aggregator())
			v.await(`select count(*) from consumer_positions where position >= 10000`, 1)
			h := history{events: []event{registered(ada, "ada@example.com")}}
			v.awaitPosition("aggregators:user-credentials", h.write(t, store))
			v.expectNumber("select count(*) from user_credentials", 1)
		})
	}
}

// TestOnAny_WritesNoMessages_D7 asserts that the log does not grow while the
// aggregators of all messages and of saved positions catch up.
func TestOnAny_WritesNoMessages_D7(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	all := []aggregators.Aggregator{adminstreams.Aggregator(), adminmessages.Aggregator(), adminpositions.Aggregator()}
	v.run(store, nil, all...)
	for range 3 {
		watch(t, store, 30)
		last := write(t, store, "subscriberPosition-components:x", "Read", `{"position": 1}`)
		for _, a := range all {
			v.awaitPosition(a.ID, last)
		}
		status, err := store.Status(t.Context())
		if err != nil || status.Head.Position != last {
			t.Fatalf("head %d, %v, want %d, the last message of the test", status.Head.Position, err, last)
		}
	}
}

// TestSkip_Logged_D13 has a message that violates the contract. The aggregator logs
// it and continues.
func TestSkip_Logged_D13(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	write(t, store, "identity-undefined", "Registered", `{}`)
	run := v.run(store, nil, usercredentials.Aggregator())
	run.awaitLog("message skipped")
	v.awaitPosition("aggregators:user-credentials", 1)
	run.expectReady()
}

// TestSessions_Expired has three log-outs. The session of the first has expired at
// the time of the third; that of the second may not have, given the clock skew.
func TestSessions_Expired(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	h := history{events: []event{
		authentication(ada, "UserLoggedOut", `{"sessionId": "`+one+`"}`),
		authentication(ada, "UserLoggedOut", `{"sessionId": "`+two+`"}`),
		authentication(ada, "UserLoggedOut", `{"sessionId": "`+three+`"}`),
	}}
	last := h.write(t, store)
	log := open(t, url)
	log.exec("update message_store.messages set time = time - interval '9 days' where global_position = 1")
	log.exec("update message_store.messages set time = time - interval '7 days 12 hours' where global_position = 2")
	v := newView(t)
	v.run(teststore.Start(t, url), nil, sessions.Aggregator())
	v.awaitPosition("aggregators:sessions", last)
	if got := fmt.Sprint(v.texts("select session_id::text from ended_sessions order by 1")); got != fmt.Sprint([]string{two, three}) {
		t.Errorf("ended sessions %s, want the last two", got)
	}
}
