package aggregators_test

import (
	"fmt"
	"testing"

	"videotutorials/aggregators/registrations"
	"videotutorials/aggregators/videooperations"
	"videotutorials/internal/test/teststore"
)

// TestNotify has each operation that ends told once, by its trace id, when its
// row is there; one that waits is not.
func TestNotify(t *testing.T) {
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
		about(film, ada, one, "VideoNamed", `{}`), // its trace has ended
		identityOf(three, bob, "Registered", `{"email": "bob@example.com"}`),
		register(bob, "bob@example.com", four),
	}}
	h.write(t, store)
	v.run(twice{store}, nil, registrations.Aggregator(), videooperations.Aggregator())
	told := map[string]int{}
	for range 4 {
		n, err := listener.conn.WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		told[n.Payload]++
		if listener.number(fmt.Sprintf(`select (select count(*) from video_operations where trace_id = '%[1]s')
			+ (select count(*) from registrations where trace_id = '%[1]s')`, n.Payload)) != 1 {
			t.Errorf("%s is told of without a row", n.Payload)
		}
	}
	if fmt.Sprint(told) != fmt.Sprint(map[string]int{one: 1, two: 1, three: 1, four: 1}) {
		t.Errorf("told %v", told)
	}
}

// TestNotify_Many makes as many operations in one transaction as no batch has,
// while somebody listens.
func TestNotify_Many(t *testing.T) {
	t.Parallel()
	const many = 100_000
	v := newView(t)
	listener := open(t, v.url)
	listener.exec("listen operations")
	v.exec(fmt.Sprintf(`insert into video_operations (trace_id, video_id, owner_id, succeeded)
		select gen_random_uuid(), '%s', '%s', true from generate_series(1, %d)`, film, ada, many))
	for range many {
		if _, err := listener.conn.WaitForNotification(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
