package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"videotutorials/messagestore"
)

// Populate writes users, videos and viewings. Repeating it changes nothing.
func TestPopulate(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	const videos, viewings = 5, 2000
	again := []string{"populate", "-users", "10", "-videos", fmt.Sprint(videos), "-viewings", fmt.Sprint(viewings), "-seed", "3"}
	s.videotutorials(again...)
	s.shows(fmt.Sprint(viewings))
	s.until("all videos are published and named", func() bool {
		return s.countView("select count(*) from creators_portal_videos where status = 'published' and name <> ''") == videos
	})
	s.until("all mails are sent", func() bool { return s.mailed() == 10 })
	s.checkPopulated(videos, viewings)
	before := s.applied()
	s.videotutorials(again...)
	// Viewings written twice would be counted before this one.
	s.view()
	s.shows(fmt.Sprint(viewings + 1))
	s.checkPopulated(videos, viewings)
	if n := s.count("select count(*) from message_store.messages where type = 'VideoViewed'"); n != viewings+1 {
		t.Errorf("%d viewings are stored, want %d", n, viewings+1)
	}
	if now := s.applied(); now != before {
		t.Errorf("stored messages: %s, before %s", now, before)
	}
	first := newPopulation(3, 10, videos)
	owner := creator{first.owner(0).String(), s.logIn(first.email(0), populatePassword)}
	s.video(owner, first.videos[0].String(), "is Lesson 1", func(v object) bool { return v.text("name") == "Lesson 1" })
	s.checkWatchable(t, first.videos[0].String())
}

// applied returns the number of stored messages of each type except viewings.
func (s *system) applied() string {
	s.t.Helper()
	return query[string](s, "VT_PSQL_MESSAGESTORE", `select string_agg(type || ' ' || n, ', ' order by type) from (
		select type, count(*) as n from message_store.messages
		where type not in ('Read', 'Claimed', 'VideoViewed')
		group by type) counts`)
}

// checkPopulated checks the videos of the home page, the sum of their viewings, and
// that one video has many of them.
func (s *system) checkPopulated(videos, viewings int) {
	s.t.Helper()
	var names []string
	sum, most := 0, 0
	for _, v := range s.all("/v1/home", "videos", nil) {
		names = append(names, v.text("name"))
		var views int
		if _, err := fmt.Sscan(v.text("views"), &views); err != nil {
			s.t.Errorf("%v: %v", v, err)
		}
		sum, most = sum+views, max(most, views)
	}
	slices.Sort(names)
	if got := strings.Join(names, ", "); len(names) != videos || got != "Lesson 1, Lesson 2, Lesson 3, Lesson 4, Lesson 5" || sum != viewings || most < viewings/3 {
		s.t.Errorf("the home page has %s with %d viewings, %d of one", got, sum, most)
	}
}

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
			t.Fatalf("the same seed returns %v and %v, %v", w, again, err)
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
		t.Errorf("%d of %d videos have viewings, one of them %d", len(seen), videos, most)
	}
	if other := newPopulation(8, users, videos); other.users[0] == one.users[0] {
		t.Error("two seeds have the same users")
	}
	if more := newPopulation(7, 2*users, videos); !reflect.DeepEqual(more.users[:users], one.users) || more.videos[0] == one.videos[0] {
		t.Error("with more users, the first users differ or the videos are the same")
	}
}
