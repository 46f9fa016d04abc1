// Package homepage is the aggregator of the home page: it counts how often any
// video was watched.
package homepage

import (
	"videotutorials/aggregators"
	"videotutorials/messagestore"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:     "aggregators:home-page",
		Tables: []string{"pages"},
		Init: `
			insert into pages (page_name, page_data)
			values ('home', '{"videosWatched": 0, "lastViewProcessed": 0}')
			on conflict do nothing`,
		Handlers: aggregators.Handlers{aggregators.On(videoViewed)},
	}
}

func videoViewed(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
	return aggregators.Statement{SQL: `
		update pages
		set page_data = jsonb_build_object(
			'videosWatched', (page_data->>'videosWatched')::bigint + 1,
			'lastViewProcessed', $1::bigint)
		where page_name = 'home'`, Args: []any{m.GlobalPosition}}
}
