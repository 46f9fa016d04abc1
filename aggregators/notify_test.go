package aggregators_test

import (
	"fmt"
	"maps"
	"testing"

	"videotutorials/aggregators/registrations"
	"videotutorials/aggregators/videooperations"
	"videotutorials/internal/test/teststore"
)

// TestOperations_Notify asserts that the channel operations is notified once of the
// trace ID of each outcome, after the commit of its row.
func TestOperations_Notify(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	v := newView(t)
	listener := open(t, v.url)
	listener.exec("listen operations")
	h := history{events: []event{
		register(bob, "bob@example.com", three),
		publish(film, ada, one),
		publish(film, bob, carol),
		publish(film, ada, two),
		publishing(film, ada, one, "VideoPublished", `"later": 1`),
		about(film, ada, one, "VideoNamed", `{}`), // its trace has an outcome
		identityOf(three, bob, "Registered", `{"email": "bob@example.com"}`),
		register(bob, "bob@example.com", four),
	}}
	h.write(t, store)
	v.run(twice{store}, nil, registrations.Aggregator(), videooperations.Aggregator())
	got := map[string]int{}
	for range 4 {
		traceID := listener.awaitNotification("an outcome")
		got[traceID]++
		listener.expectNumber(fmt.Sprintf(`select (select count(*) from video_operations where trace_id = '%[1]s')
			+ (select count(*) from registrations where trace_id = '%[1]s')`, traceID), 1)
	}
	if want := map[string]int{one: 1, two: 1, three: 1, four: 1}; !maps.Equal(got, want) {
		t.Errorf("notifications %v, want %v", got, want)
	}
}

// TestOperations_NotifyMany inserts more operations in one transaction than a batch
// has.
func TestOperations_NotifyMany(t *testing.T) {
	t.Parallel()
	const many = 100_000
	v := newView(t)
	listener := open(t, v.url)
	listener.exec("listen operations")
	v.exec(fmt.Sprintf(`insert into video_operations (trace_id, video_id, owner_id, succeeded)
		select gen_random_uuid(), '%s', '%s', true from generate_series(1, %d)`, film, ada, many))
	for range many {
		listener.awaitNotification("an outcome")
	}
}
