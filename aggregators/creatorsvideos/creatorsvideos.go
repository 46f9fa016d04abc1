// Package creatorsvideos is the aggregator of the videos as their owners see
// them: name, description, views, and what became of the publishing.
//
// A row has an owner, so it begins with the publishing. What happens to a video
// before that is kept apart, and the row begins with it. Viewings and publishing
// are one subscription: two would make the row depend on chance.
package creatorsvideos

import (
	"videotutorials/aggregators"
	"videotutorials/messagestore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:     "aggregators:creators-videos",
		Tables: []string{"creators_portal_videos", "ownerless_videos"},
		Handlers: aggregators.Handlers{
			aggregators.On(publishAttempted), aggregators.On(videoPublished), aggregators.On(videoPublishingFailed),
			aggregators.On(videoNamed), aggregators.On(videoDescribed), aggregators.On(videoViewed),
		},
	}
}

// What is kept of a text: ours has no more; one of the original system can have
// any length, and a list has to be sent.
const (
	longestName        = 200
	longestDescription = 5000
)

func videoNamed(e *videopublishingv1.VideoNamed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		with video as (
			update creators_portal_videos
			set name = left($3, $4), position = $2
			where id = $1
			returning id
		)
		insert into ownerless_videos (video_id, name)
		select $1, left($3, $4)
		where not exists (select from video)
		on conflict (video_id) do update set name = excluded.name`,
		m.Position, e.GetName(), longestName)
}

func videoDescribed(e *videopublishingv1.VideoDescribed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		with video as (
			update creators_portal_videos
			set description = left($3, $4), position = $2
			where id = $1
			returning id
		)
		insert into ownerless_videos (video_id, description)
		select $1, left($3, $4)
		where not exists (select from video)
		on conflict (video_id) do update set description = excluded.description`,
		m.Position, e.GetDescription(), longestDescription)
}

// videoViewed adds to a row that is there by inserting it: that finds it by its
// key for ever, and a plan for an update of several, made while the table was
// small, reads the whole of it.
func videoViewed(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntities(m, `
		with viewed as (
			select id, count(*) as times, (
				select owner_id from creators_portal_videos as v where v.id = message.id
			) as owner_id
			from unnest($1::uuid[]) as message (id)
			group by id
		), video as (
			insert into creators_portal_videos as v (
				id, owner_id, position, first_position, status, views)
			select id, owner_id, 0, 0, 'publishing', times
			from viewed
			where owner_id is not null
			on conflict (id) do update set views = v.views + excluded.views
		)
		insert into ownerless_videos as v (video_id, views)
		select id, times
		from viewed
		where owner_id is null
		on conflict (video_id) do update set views = v.views + excluded.views`)
}
