package aggregators_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/aggregators/creatorsvideos"
	"videotutorials/aggregators/homepage"
	"videotutorials/aggregators/registrations"
	"videotutorials/aggregators/videooperations"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestViews_AllOrders writes the messages of a few requests in every order, each time
// with other IDs, and asserts that the rows do not depend on the order.
//
// Each order replaces the words v1 and v2 by IDs of videos, u1 and u2 by those of
// users, and t1 to t4 by those of traces.
func TestViews_AllOrders(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]struct {
		aggregator aggregators.Aggregator
		// The aggregator has a handler for each of the events.
		events []event
		query  string
		// want is the number of equal rows that each order makes.
		want map[string]int64
	}{
		"PublishRepeated": {
			aggregator: videooperations.Aggregator(),
			events: []event{
				publish("v1", "u1", "t1"), publish("v1", "u1", "t2"), publish("v1", "u2", "t3"),
				publishing("v1", "u1", "t1", "VideoPublished", `"transcodedUri": "/media/1"`),
				publishing("v1", "u2", "t3", "VideoPublishingFailed", `"code": "NOT_OWNER", "reason": "is another's"`),
			},
			query: `select concat_ws(' ', succeeded, failure_code, failure_reason) from video_operations
				union all select 'waits' from video_publish_requests`,
			want: map[string]int64{"t": 2, "f NOT_OWNER is another's": 1},
		},
		"PublishFailedRepeated": {
			aggregator: videooperations.Aggregator(),
			events: []event{
				publish("v1", "u1", "t1"), publish("v1", "u1", "t2"), publish("v1", "u2", "t3"), publish("v2", "u1", "t4"),
				publishing("v1", "u1", "t1", "VideoPublishingFailed", `"code": "NOT_A_VIDEO", "reason": "is text"`),
			},
			query: `select concat_ws(' ', succeeded, failure_code, failure_reason) from video_operations
				union all select 'waits' from video_publish_requests`,
			want: map[string]int64{"f NOT_A_VIDEO is text": 2, "waits": 2},
		},
		"RegistrationRepeated": {
			aggregator: registrations.Aggregator(),
			events: []event{
				register("u1", "u1@example.com", "t1"), register("u1", " U1@EXAMPLE.com", "t2"), register("u1", "other", "t3"),
				identityOf("t1", "u1", "Registered", `{"email": "u1@example.com"}`),
				identityOf("t3", "u1", "RegistrationRejected", `{"email": "other", "code": "USER_ID_TAKEN"}`),
			},
			query: `select concat_ws(' ', succeeded, code) from registrations union all select 'waits' from registration_requests`,
			want:  map[string]int64{"t": 2, "f USER_ID_TAKEN": 1},
		},
		"Home": {
			aggregator: homepage.Aggregator(),
			events:     []event{viewed("v1"), viewed("v1"), named("v1", "A name"), published("v1", "u1")},
			query:      `select concat_ws(' ', name, views, owner_id is not null, published_position is not null) from home_videos`,
			want:       map[string]int64{"A name 2 t t": 1},
		},
		"CreatorsVideos": {
			aggregator: creatorsvideos.Aggregator(),
			events: []event{
				viewed("v1"), named("v1", "A name"), described("v1", "About"), attempted("v1", "u1"), published("v1", "u1"), failed("v1", "u2", "NOT_OWNER"),
			},
			query: creatorsRows,
			want:  map[string]int64{"published A name About 1": 1},
		},
		"CreatorsVideos_Failed": {
			aggregator: creatorsvideos.Aggregator(),
			events: []event{
				viewed("v1"), named("v1", "A name"), described("v1", "About"), attempted("v1", "u1"), failed("v1", "u1", "NOT_A_VIDEO"), failed("v1", "u2", "NOT_OWNER"),
			},
			query: creatorsRows,
			want:  map[string]int64{"failed A name About 1 NOT_A_VIDEO": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			v := newView(t)
			var last, n int64
			for order := range orders(o.events) {
				last = writeAs(t, store, order)
				n++
			}
			v.run(twice{store}, nil, o.aggregator)
			v.awaitPosition(o.aggregator.ID, last)
			got := map[string]int64{}
			for _, row := range v.texts(o.query) {
				got[row]++
			}
			for row := range o.want {
				o.want[row] *= n
			}
			if fmt.Sprint(got) != fmt.Sprint(o.want) {
				t.Errorf("in %d orders: %v, want %v", n, got, o.want)
			}
		})
	}
}

const creatorsRows = `select concat_ws(' ', status, name, description, views, failure_code) from creators_portal_videos
	union all select 'ownerless' from ownerless_videos`

func identityOf(traceID, user, kind, data string) event {
	return event{messagestore.Category("identity").Stream(user), kind, data, trace(traceID, user)}
}

// orders yields every order of the events, always in the same slice.
func orders(events []event) func(yield func([]event) bool) {
	return func(yield func([]event) bool) {
		permute(slices.Clone(events), 0, yield)
	}
}

func permute(events []event, from int, yield func([]event) bool) bool {
	if from == len(events) {
		return yield(events)
	}
	for i := from; i < len(events); i++ {
		events[from], events[i] = events[i], events[from]
		continued := permute(events, from+1, yield)
		events[from], events[i] = events[i], events[from]
		if !continued {
			return false
		}
	}
	return true
}

// writeAs writes the events with new IDs in one batch, and returns the last global
// position.
func writeAs(t *testing.T, store messagestore.Store, events []event) int64 {
	t.Helper()
	var pairs []string
	for _, word := range []string{"v1", "v2", "u1", "u2", "t1", "t2", "t3", "t4"} {
		pairs = append(pairs, word, uuid.NewString())
	}
	ids := strings.NewReplacer(append(pairs, "U1", strings.ToUpper(pairs[5]))...)
	var writes []messagestore.Write
	for _, e := range events {
		writes = append(writes, messagestore.Write{
			Stream: messagestore.Stream(ids.Replace(string(e.stream))), Expected: messagestore.Any, Messages: []messagestore.NewMessage{{
				ID: uuid.NewString(), Type: e.kind, Data: ids.Replace(e.data), Metadata: ids.Replace(e.metadata),
			}},
		})
	}
	written, err := store.WriteBatch(t.Context(), writes...)
	if err != nil {
		t.Fatal(err)
	}
	return written[len(written)-1].GlobalPosition
}
