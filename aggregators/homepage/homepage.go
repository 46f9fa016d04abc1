// Package homepage is the aggregator of the home page: it counts how often any
// video was watched, and each, and has the published videos.
//
// A video can be watched before it is published, so its row may be there before
// it is on the page. Viewings and publishing are one subscription: two would make
// the row depend on chance.
package homepage

import (
	"fmt"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
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

// videoViewed counts a viewing of what is no video, too: somebody watched.
func videoViewed(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
	var video *uuid.UUID
	if id, err := uuid.Parse(m.Stream.ID()); err == nil {
		video = &id
	}
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
		m.GlobalPosition, video)
}

// videoPublished puts the video on the page, once: if it is published again, it
// stays where it is.
func videoPublished(e *videopublishingv1.VideoPublished, m messagestore.Message) aggregators.Statement {
	owner, err := uuid.Parse(e.GetOwnerId())
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the owner's id %.64q is no UUID", e.GetOwnerId()))
	}
	return aggregators.ForEntity(m, `
		insert into home_videos as v (video_id, owner_id, published_position)
		values ($1, $2, $3)
		on conflict (video_id) do update set
			owner_id = excluded.owner_id,
			published_position = excluded.published_position
		where v.published_position is null`, owner.String(), m.GlobalPosition)
}

// longestName is how many characters of a name are kept. Ours has no more; one of
// the original system can have any number, and a page has to be sent.
const longestName = 200

func videoNamed(e *videopublishingv1.VideoNamed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into home_videos (video_id, name)
		values ($1, left($2, $3))
		on conflict (video_id) do update set name = excluded.name`, e.GetName(), longestName)
}
