package main

import (
	"reflect"
	"testing"

	"videotutorials/messagestore"
)

func TestPopulation(t *testing.T) {
	t.Parallel()
	const users, videos, viewings = 10, 20, 20_000
	one, two := newPopulation(7, users, videos), newPopulation(7, users, videos)
	seen, byUsers := map[messagestore.Stream]int{}, 0
	ids := map[string]bool{}
	for i := range viewings {
		w, err := one.view(i)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := two.view(i); err != nil || !reflect.DeepEqual(w, again) {
			t.Fatalf("the same seed makes %v and %v, %v", w, again, err)
		}
		seen[w.Stream]++
		ids[w.Messages[0].ID] = true
		if w.Messages[0].Data[:len(`{"userId":null`)] != `{"userId":null` {
			byUsers++
		}
	}
	if len(ids) != viewings || byUsers < viewings/3 || byUsers > viewings*2/3 {
		t.Errorf("%d ids of %d viewings, %d by users", len(ids), viewings, byUsers)
	}
	most := 0
	for _, n := range seen {
		most = max(most, n)
	}
	if len(seen) != videos || most < 3*viewings/videos {
		t.Errorf("%d videos of %d are watched, the first %d times", len(seen), videos, most)
	}
	if other := newPopulation(8, users, videos); other.users[0] == one.users[0] {
		t.Error("two seeds have the same users")
	}
	if more := newPopulation(7, 2*users, videos); !reflect.DeepEqual(more.users[:users], one.users) || more.videos[0] == one.videos[0] {
		t.Error("more users are others, or publish the same videos")
	}
}
