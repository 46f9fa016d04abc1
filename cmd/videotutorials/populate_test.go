package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Users, their videos and what is watched; the same again changes nothing.
func TestPopulate(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	const videos, viewings = 5, 2000
	again := []string{"populate", "-users", "10", "-videos", fmt.Sprint(videos), "-viewings", fmt.Sprint(viewings), "-seed", "3"}
	s.tell(again...)
	s.shows(fmt.Sprint(viewings))
	s.until("all videos are published and named", func() bool {
		return s.countView("select count(*) from creators_portal_videos where status = 'published' and name <> ''") == videos
	})
	s.until("all have their mail", func() bool { return s.mailed() == 10 })
	s.checkPopulated(videos, viewings)
	before := s.applied()
	s.tell(again...)
	// By which the aggregators have passed all that could have come.
	s.view()
	s.shows(fmt.Sprint(viewings + 1))
	s.checkPopulated(videos, viewings)
	if n := s.count("select count(*) from message_store.messages where type = 'VideoViewed'"); n != viewings+1 {
		t.Errorf("%d viewings are stored, want %d", n, viewings+1)
	}
	if now := s.applied(); now != before {
		t.Errorf("stored are %s, before %s", now, before)
	}
	first := newPopulation(3, 10, videos)
	owner := creator{first.owner(0).String(), s.logIn(first.email(0), populatePassword)}
	s.video(owner, first.videos[0].String(), "is Lesson 1", func(v object) bool { return v.text("name") == "Lesson 1" })
	s.checkWatchable(t, first.videos[0].String())
}

// applied returns how many messages of each type follow from a population, but for
// the viewings.
func (s *system) applied() string {
	s.t.Helper()
	return query[string](s, "VT_PSQL_MESSAGESTORE", `select string_agg(type || ' ' || n, ', ' order by type) from (
		select type, count(*) as n from message_store.messages
		where type not in ('Read', 'Claimed', 'VideoViewed')
		group by type) counts`)
}

// checkPopulated compares the home page's videos, some of which are watched more
// often than others, with the sum.
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
