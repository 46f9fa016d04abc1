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

// TestD2_AllSkipsNothing writes one message at a time to who follows everything,
// and then more than a batch while nobody does: each counts.
func TestD2_AllSkipsNothing(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	run := v.run(store, nil, adminstreams.Aggregator())
	for range 10 {
		v.awaitPlace("aggregators:admin-streams", watch(t, store, 1))
	}
	run.stop()
	last := watch(t, store, 600)
	v.run(store, nil, adminstreams.Aggregator())
	v.awaitPlace("aggregators:admin-streams", last)
	v.expectStreams(store)
}

// TestD3_AllUnderConcurrentWriters has eight writers in eight categories, and two
// runners at once of each who follows everything: both agree with the store.
func TestD3_AllUnderConcurrentWriters(t *testing.T) {
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
	v.awaitPlace("aggregators:admin-streams", all)
	v.awaitPlace("aggregators:admin-messages", all)
	v.expectStreams(store)
	for sql, want := range map[string]int64{
		"select count(*) from admin_messages":                                all,
		"select max(global_position) from admin_messages":                    all,
		"select min(message_count) from admin_types":                         all / 2,
		"select count(*) from admin_categories where message_count = 60":     8,
		"select count(distinct (stream_name, position)) from admin_messages": all,
	} {
		if got := v.number(sql); got != want {
			t.Errorf("%s: %d, want %d", sql, got, want)
		}
	}
}

// expectStreams compares the streams with the store's, which are few.
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

// TestD4_ForeignMessages has more messages of other categories before ours than
// the position is moved for, and as many that are of ours and of other types.
func TestD4_ForeignMessages(t *testing.T) {
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
			v.awaitPlace("aggregators:user-credentials", h.write(t, store))
			if got := v.number("select count(*) from user_credentials"); got != 1 {
				t.Errorf("%d credentials, want 1", got)
			}
		})
	}
}

// TestD7_FollowingEverythingDoesNotFeedItself lets those who follow everything,
// and the positions, catch up: nobody has written a message.
func TestD7_FollowingEverythingDoesNotFeedItself(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	all := []aggregators.Aggregator{adminstreams.Aggregator(), adminmessages.Aggregator(), adminpositions.Aggregator()}
	v.run(store, nil, all...)
	for range 3 {
		watch(t, store, 30)
		last := write(t, store, "subscriberPosition-components:x", "Read", `{"position": 1}`)
		for _, a := range all {
			v.awaitPlace(a.ID, last)
		}
		status, err := store.Status(t.Context())
		if err != nil || status.Head.Position != last {
			t.Fatalf("head %d, %v, want %d, the last that the test wrote", status.Head.Position, err, last)
		}
	}
}

// TestD13_SkippedMessageIsLogged gives a message that the contract does not allow:
// the aggregator goes on, and says so.
func TestD13_SkippedMessageIsLogged(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	write(t, store, "identity-undefined", "Registered", `{}`)
	run := v.run(store, nil, usercredentials.Aggregator())
	run.awaitLog("message skipped")
	v.awaitPlace("aggregators:user-credentials", 1)
	if err := run.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// TestSessions_Expired makes two of three log-outs so old that one session has
// expired before the last of them, and one perhaps not yet.
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
	v.awaitPlace("aggregators:sessions", last)
	if got := fmt.Sprint(v.texts("select session_id::text from ended_sessions order by 1")); got != fmt.Sprint([]string{two, three}) {
		t.Errorf("ended sessions %s, want the second and the third", got)
	}
}
