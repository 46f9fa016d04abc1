package creatorsvideos

import (
	"fmt"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// publishAttempted makes the row, unless it is there: an attempt can be said
// again.
func publishAttempted(e *videopublishingv1.PublishAttempted, m messagestore.Message) aggregators.Statement {
	return forOwner(e.GetOwnerId(), m, `
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

// videoPublished is the last word, also after a failure: the video can be watched.
// A log of the original system has no attempt before it.
func videoPublished(e *videopublishingv1.VideoPublished, m messagestore.Message) aggregators.Statement {
	return forOwner(e.GetOwnerId(), m, `
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

// videoPublishingFailed is about the video if its owner asked. Else it is about
// a refused command alone, and must neither change the video nor put one into the
// list of somebody in whose name it was asked for.
func videoPublishingFailed(e *videopublishingv1.VideoPublishingFailed, m messagestore.Message) aggregators.Statement {
	return forOwner(e.GetOwnerId(), m, `
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

// forOwner returns the SQL with the video as $1, the owner as $2, the event's
// position in its stream as $3 and in the store as $4, and the args from $5 on.
func forOwner(ownerID string, m messagestore.Message, sql string, args ...any) aggregators.Statement {
	owner, err := uuid.Parse(ownerID)
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the owner's id %.64q is no UUID", ownerID))
	}
	return aggregators.ForEntity(m, sql, append([]any{owner.String(), m.Position, m.GlobalPosition}, args...)...)
}
