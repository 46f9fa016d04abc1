package videooperations

import (
	"fmt"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// publishVideo is a command. A video is published once, so one that is repeated
// gets no event of its own: it waits for the outcome, or has it at once.
func publishVideo(c *videopublishingv1.PublishVideo, m messagestore.Message) aggregators.Statement {
	trace, user, err := asker(m)
	if err != nil {
		return aggregators.Skip(err.Error())
	}
	video, err := uuid.Parse(c.GetVideoId())
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the video's id %.64q is no UUID", c.GetVideoId()))
	}
	if owner, err := uuid.Parse(c.GetOwnerId()); err != nil || owner.String() != user {
		// The owner's outcome would not be this one's.
		return aggregators.Skip(fmt.Sprintf("user %s asks that the video be that of %.64q", user, c.GetOwnerId()))
	}
	return aggregators.Statement{SQL: `
		with outcome as (
			select succeeded, failure_code, failure_reason
			from video_publish_outcomes
			where video_id = $1 and owner_id = $3
		), request as (
			insert into video_publish_requests (video_id, trace_id, owner_id)
			select $1, $2, $3
			where not exists (select from outcome)
				and not exists (select from video_operations where trace_id = $2)
			on conflict do nothing
		)
		insert into video_operations (video_id, trace_id, owner_id, succeeded, failure_code, failure_reason)
		select $1, $2, $3, succeeded, failure_code, failure_reason
		from outcome
		on conflict do nothing`,
		Args: []any{video.String(), trace, user}}
}

func videoPublished(e *videopublishingv1.VideoPublished, m messagestore.Message) aggregators.Statement {
	return concluded(m, e.GetOwnerId(), outcome{succeeded: true})
}

// videoPublishingFailed is the outcome of one command alone where the video is
// another's: of all who ask for it, its owner must not be told so.
func videoPublishingFailed(e *videopublishingv1.VideoPublishingFailed, m messagestore.Message) aggregators.Statement {
	failed := outcome{code: e.GetCode(), reason: e.GetReason()}
	if e.GetCode() == notOwner {
		return ended(m, failed)
	}
	return concluded(m, e.GetOwnerId(), failed)
}

// notOwner is the code of a command about another's video.
const notOwner = "NOT_OWNER"

// concluded is how all the owner's requests ended that the video be published,
// those that come later too. The event's own may be none of those known: a log of
// the original system need not have the command. A video that is published is
// so, whatever was said before.
func concluded(m messagestore.Message, ownerID string, o outcome) aggregators.Statement {
	owner, err := uuid.Parse(ownerID)
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the owner's id %.64q is no UUID", ownerID))
	}
	var own, user *string // null where the event does not say whose it is: the others are told all the same
	if t, u, err := asker(m); err == nil {
		own, user = &t, &u
	}
	return aggregators.ForEntity(m, `
		with outcome as (
			insert into video_publish_outcomes as o (video_id, owner_id, succeeded, failure_code, failure_reason)
			values ($1, $2, $3, nullif($4, ''), nullif($5, ''))
			on conflict (video_id, owner_id) do update set
				succeeded = true,
				failure_code = null,
				failure_reason = null
			where excluded.succeeded
		), settled as (
			delete from video_publish_requests
			where video_id = $1 and owner_id = $2
			returning trace_id, owner_id
		), asked as (
			select trace_id, owner_id from settled
			union
			select $6::uuid, $7::uuid where $6 is not null
		)
		insert into video_operations (video_id, trace_id, owner_id, succeeded, failure_code, failure_reason)
		select $1, trace_id, owner_id, $3, nullif($4, ''), nullif($5, '')
		from asked
		on conflict do nothing`, owner.String(), o.succeeded, o.code, o.reason, own, user)
}
