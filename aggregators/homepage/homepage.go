// Package homepage is the aggregator of the home page: the number of viewings of
// all videos and of each, and the published videos.
//
// A video can be watched before its publication, so its row may exist before the
// home page shows it. Viewings and publications are one subscription, since a row
// would depend on the timing of two.
package homepage

import (
	"videotutorials/aggregators"
	"videotutorials/messagestore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:   "homepage",
		ID:     "aggregators:home-page",
		Tables: []string{"pages", "home_videos"},
		Init: `
			insert into pages (page_name, page_data)
			values ('home', '{"videosWatched": 0, "lastViewProcessed": 0}')
			on conflict do nothing`,
		Handlers: aggregators.Handlers{
			aggregators.On(videoViewed), aggregators.On(videoPublished), aggregators.On(videoNamed),
		},
	}
}

// videoViewed adds to the total even if the ID of the video is not a UUID.
func videoViewed(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForMessages(`
		with page as (
			update pages
			set page_data = jsonb_build_object(
				'videosWatched', (page_data->>'videosWatched')::bigint + cardinality($1::bigint[]),
				'lastViewProcessed', (select max(position) from unnest($1) as position))
			where page_name = 'home'
		)
		insert into home_videos as v (video_id, views)
		select video, count(*)
		from unnest($2::uuid[]) as video
		where video is not null
		group by video
		on conflict (video_id) do update set views = v.views + excluded.views`,
		m.GlobalPosition, aggregators.NullUUID(m.Stream.ID()))
}

// videoPublished adds the video to the home page. A second publication does not
// move it.
func videoPublished(e *videopublishingv1.VideoPublished, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into home_videos as v (video_id, owner_id, published_position)
		values ($1, $2, $3)
		on conflict (video_id) do update set
			owner_id = excluded.owner_id,
			published_position = excluded.published_position
		where v.published_position is null`, aggregators.UUID("owner ID", e.GetOwnerId()), m.GlobalPosition)
}

// longestName is the maximum length of a name in a page, in characters. Our names
// are not longer, those of the original system may have any length.
const longestName = 200

func videoNamed(e *videopublishingv1.VideoNamed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into home_videos (video_id, name)
		values ($1, left($2, $3))
		on conflict (video_id) do update set name = excluded.name`, e.GetName(), longestName)
}
