// Package creatorsvideos is the aggregator of the videos as their owners see them:
// name, description, viewings and the outcome of the publication.
//
// A row has an owner, so the first event of the publication creates it. Names,
// descriptions and viewings before that event are stored in ownerless_videos and
// then move into the row. Viewings and publications are one subscription, since a
// row would depend on the timing of two.
package creatorsvideos

import (
	"fmt"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:   "creatorsvideos",
		ID:     "aggregators:creators-videos",
		Tables: []string{"creators_portal_videos", "ownerless_videos"},
		Handlers: aggregators.Handlers{
			aggregators.On(publishAttempted), aggregators.On(videoPublished), aggregators.On(videoPublishingFailed),
			aggregators.On(videoNamed), aggregators.On(videoDescribed), aggregators.On(videoViewed),
		},
	}
}

// publishAttempted creates the row; further attempts change nothing.
func publishAttempted(e *videopublishingv1.PublishAttempted, m messagestore.Message) aggregators.Statement {
	return publication(m, e.GetOwnerId(), `
		with earlier as (
			delete from ownerless_videos
			where video_id = $1
			returning name, description, views
		)
		insert into creators_portal_videos (
			id, owner_id, position, first_position, source_uri, status,
			name, description, views)
		select $1, $2, $3, $4, $5, 'publishing',
			name, description, coalesce(views, 0)
		from (values (true)) always left join earlier on true
		on conflict do nothing`,
		e.GetSourceUri())
}

// videoPublished is final, also after a failure. In a log of the original system
// there is no attempt before it.
func videoPublished(e *videopublishingv1.VideoPublished, m messagestore.Message) aggregators.Statement {
	return publication(m, e.GetOwnerId(), `
		with earlier as (
			delete from ownerless_videos
			where video_id = $1
			returning name, description, views
		)
		insert into creators_portal_videos as v (
			id, owner_id, position, first_position, source_uri, status,
			transcoded_uri, content_type, poster_uri,
			name, description, views)
		select $1, $2, $3, $4, $5, 'published',
			$6, nullif($7, ''), nullif($8, ''),
			name, description, coalesce(views, 0)
		from (values (true)) always left join earlier on true
		on conflict (id) do update set
			owner_id = excluded.owner_id,
			position = excluded.position,
			source_uri = excluded.source_uri,
			status = excluded.status,
			transcoded_uri = excluded.transcoded_uri,
			content_type = excluded.content_type,
			poster_uri = excluded.poster_uri,
			failure_code = null,
			failure_reason = null
		where v.status <> 'published'`,
		e.GetSourceUri(), e.GetTranscodedUri(), e.GetContentType(), e.GetPosterUri())
}

// videoPublishingFailed changes the video only if its owner gave the command.
// Otherwise, it rejects a command of another user, and must neither change the
// video nor create one in the list of the user that the command names.
func videoPublishingFailed(e *videopublishingv1.VideoPublishingFailed, m messagestore.Message) aggregators.Statement {
	return publication(m, e.GetOwnerId(), `
		with earlier as (
			delete from ownerless_videos
			where video_id = $1 and $6 <> 'NOT_OWNER'
			returning name, description, views
		)
		insert into creators_portal_videos as v (
			id, owner_id, position, first_position, source_uri, status,
			failure_code, failure_reason,
			name, description, views)
		select $1, $2, $3, $4, $5, 'failed',
			nullif($6, ''), $7,
			name, description, coalesce(views, 0)
		from (values (true)) always left join earlier on true
		where $6 <> 'NOT_OWNER'
		on conflict (id) do update set
			position = excluded.position,
			status = excluded.status,
			failure_code = excluded.failure_code,
			failure_reason = excluded.failure_reason
		where v.owner_id = excluded.owner_id and v.status = 'publishing'`,
		e.GetSourceUri(), e.GetCode(), e.GetReason())
}

// publication returns the SQL with the video as $1, the owner as $2, the position
// of the event in its stream as $3 and in the store as $4, and the args from $5 on.
func publication(m messagestore.Message, ownerID, sql string, args ...any) aggregators.Statement {
	return aggregators.ForEntity(m, sql, append([]any{aggregators.UUID("owner ID", ownerID), m.Position, m.GlobalPosition}, args...)...)
}

// The maximum lengths of texts in characters. Our texts are not longer, those of
// the original system may have any length, and a list must fit into an answer.
const (
	longestName        = 200
	longestDescription = 5000
)

func videoNamed(e *videopublishingv1.VideoNamed, m messagestore.Message) aggregators.Statement {
	return setText(m, "name", e.GetName(), longestName)
}

func videoDescribed(e *videopublishingv1.VideoDescribed, m messagestore.Message) aggregators.Statement {
	return setText(m, "description", e.GetDescription(), longestDescription)
}

// setText sets a column of the video, which may have no owner yet.
func setText(m messagestore.Message, column, text string, longest int) aggregators.Statement {
	return aggregators.ForEntity(m, fmt.Sprintf(`
		with video as (
			update creators_portal_videos
			set %[1]s = left($3, $4), position = $2
			where id = $1
			returning id
		)
		insert into ownerless_videos (video_id, %[1]s)
		select $1, left($3, $4)
		where not exists (select from video)
		on conflict (video_id) do update set %[1]s = excluded.%[1]s`, column),
		m.Position, text, longest)
}

// videoViewed adds to existing rows by insert … on conflict, which always finds
// them by key. A generic plan for an update of several rows, made while the table
// is small, would scan the table for ever.
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
