package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestFilter_SQLAndGo checks that the filters in SQL and in Go accept the same messages,
// so that pages from Postgres and batches from the tail agree, and that several
// categories have one order.
func TestFilter_SQLAndGo(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	super := connect(t, url)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	for i := range 300 {
		m := newMessage(pick("Happened", "Other", "Ü"))
		stream := pick("a", "b", "c:command", "ä+") + "-" + pick("", "x+", "-") + fmt.Sprint(random.IntN(40)) + pick("", "+1", "-y")
		m.Metadata = pick(`{}`, `{"originStreamName": "a-1"}`, `{"originStreamName": "b-1", "correlationStreamName": "a-1"}`,
			`{"originStreamName": "a"}`, `{"originStreamName": -1}`, `{"originStreamName": ["a-1"]}`, `{"originStreamName": null, "correlationStreamName": "a-b-c"}`,
			fmt.Sprintf(`{"n": %d}`, i))
		write(t, store, messagestore.Stream(stream), m)
	}
	// The SQL door stores null.
	exec(t, super, "update message_store.messages set metadata = null, data = null where global_position % 50 = 0")

	sources := []messagestore.Source{
		messagestore.OfAll(), messagestore.OfCategories("a"), messagestore.OfCategories("b", "a", "b", "none"),
		messagestore.OfCategories("c:command", "ä+", "a"), messagestore.OfStream("a-1"),
	}
	many := messagestore.Source{}
	for i := range 40 {
		many.Categories = append(many.Categories, messagestore.Category(fmt.Sprint("k", i)))
	}
	many.Categories = append(many.Categories, "a", "ä+")
	sources = append(sources, many)
	filters := []messagestore.Filter{
		{}, {Types: []string{"Other", "Ü"}}, {Origin: "a"}, {Correlation: "a"}, {Origin: "b", Correlation: "a"}, {Origin: "none"},
	}
	for member := range int32(3) {
		filters = append(filters, messagestore.Filter{Group: &messagestore.ConsumerGroup{Member: member, Size: 3}, Types: []string{"Happened"}})
	}
	all := readAll(t, store, messagestore.ReadRequest{Source: messagestore.OfAll()})
	for _, source := range sources {
		for _, filter := range filters {
			if source.IsStream() {
				filter = messagestore.Filter{Types: filter.Types}
			}
			var want []messagestore.Message
			for _, m := range all {
				if source.Has(&m) && filter.Passes(&m) {
					want = append(want, m)
				}
			}
			for limit := int64(0); limit < 3; limit++ {
				request := messagestore.ReadRequest{Source: source, Filter: filter, Limit: limit}
				n := len(want)
				if limit > 0 {
					n = min(n, int(limit))
				}
				if got := readAll(t, store, request); !slices.Equal(got, want[:n]) {
					t.Errorf("%+v: %d messages, want %d", request, len(got), n)
				}
				request.Backward = true
				got := readAll(t, store, request)
				slices.Reverse(got)
				if !slices.Equal(got, want[len(want)-n:]) {
					t.Errorf("%+v: %d messages, want %d", request, len(got), n)
				}
			}
		}
	}
}

func readAll(t *testing.T, store messagestore.Store, request messagestore.ReadRequest) []messagestore.Message {
	t.Helper()
	var messages []messagestore.Message
	for m, err := range store.Read(t.Context(), request) {
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return messages
}
