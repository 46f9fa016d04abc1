// Package videooperations is the aggregator of the outcomes of commands about
// videos, by the trace ID of the request.
package videooperations

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:   "videooperations",
		ID:     "aggregators:video-operations",
		Tables: []string{"video_operations", "video_publish_requests", "video_publish_outcomes"},
		Handlers: aggregators.Handlers{
			aggregators.On(succeeded[*videopublishingv1.VideoNamed]), aggregators.On(rejected[*videopublishingv1.VideoNameRejected]),
			aggregators.On(succeeded[*videopublishingv1.VideoDescribed]), aggregators.On(rejected[*videopublishingv1.VideoDescriptionRejected]),
			aggregators.On(publishVideo), aggregators.On(videoPublished), aggregators.On(videoPublishingFailed),
		},
	}
}

// An outcome is the outcome of a command. A failure in a log of the original
// system has no code.
type outcome struct {
	succeeded    bool
	code, reason string
}

// A failure is an event with the reason of a failed command.
type failure interface {
	proto.Message
	GetCode() string
	GetReason() string
}

func failureOf(e failure) outcome { return outcome{code: e.GetCode(), reason: e.GetReason()} }

// succeeded handles an event that is the outcome of one successful request.
func succeeded[M proto.Message](_ M, m messagestore.Message) aggregators.Statement {
	return concludeRequest(m, outcome{succeeded: true})
}

// rejected handles an event that is the outcome of one rejected request.
func rejected[M failure](e M, m messagestore.Message) aggregators.Statement {
	return concludeRequest(m, failureOf(e))
}

// concludeRequest stores the outcome of the request with the trace ID of the
// message. The first outcome of a trace ID is final, since a caller may have
// chosen the ID.
func concludeRequest(m messagestore.Message, o outcome) aggregators.Statement {
	trace, user := requester(m)
	return aggregators.ForEntity(m, `
		with request as (
			delete from video_publish_requests
			where trace_id = $2
		)
		insert into video_operations (video_id, trace_id, owner_id, succeeded, failure_code, failure_reason)
		values ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''))
		on conflict do nothing`,
		aggregators.UUID("trace ID", trace), aggregators.UUID("user ID", user), o.succeeded, o.code, o.reason)
}

// publishVideo handles a command. A video is published once, so a repeated command
// causes no event of its own: publishVideo stores the outcome if there is one
// already, and else the request.
func publishVideo(c *videopublishingv1.PublishVideo, m messagestore.Message) aggregators.Statement {
	trace, userID := requester(m)
	user, owner := aggregators.NullUUID(userID), aggregators.NullUUID(c.GetOwnerId())
	if user == nil || owner == nil || *user != *owner {
		// The command has another outcome than those of the owner.
		return aggregators.Skip(fmt.Sprintf("the command of user %.64q names the owner %.64q", userID, c.GetOwnerId()))
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
		Args: []any{aggregators.UUID("video ID", c.GetVideoId()), aggregators.UUID("trace ID", trace), user}}
}

func videoPublished(e *videopublishingv1.VideoPublished, m messagestore.Message) aggregators.Statement {
	return concludePublication(m, e.GetOwnerId(), outcome{succeeded: true})
}

// notOwner is the code for a command about a video of another user.
const notOwner = "NOT_OWNER"

// videoPublishingFailed is the outcome of one request if the video has another
// owner, whose own requests are not affected.
func videoPublishingFailed(e *videopublishingv1.VideoPublishingFailed, m messagestore.Message) aggregators.Statement {
	if e.GetCode() == notOwner {
		return concludeRequest(m, failureOf(e))
	}
	return concludePublication(m, e.GetOwnerId(), failureOf(e))
}

// concludePublication stores the outcome of all requests of the owner to publish
// the video, including later ones, and of the request with the trace ID of the
// event, whose command need not be in a log of the original system. A publication
// replaces an earlier failure.
func concludePublication(m messagestore.Message, ownerID string, o outcome) aggregators.Statement {
	traceID, userID := requester(m)
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
		), requested as (
			select trace_id, owner_id from settled
			union
			select $6::uuid, $7::uuid where $6 is not null and $7 is not null
		)
		insert into video_operations (video_id, trace_id, owner_id, succeeded, failure_code, failure_reason)
		select $1, trace_id, owner_id, $3, nullif($4, ''), nullif($5, '')
		from requested
		on conflict do nothing`,
		aggregators.UUID("owner ID", ownerID), o.succeeded, o.code, o.reason,
		aggregators.NullUUID(traceID), aggregators.NullUUID(userID))
}

// requester returns the trace ID and the user ID of the metadata; "" for missing
// ones, and if the metadata cannot be parsed.
func requester(m messagestore.Message) (traceID, userID string) {
	metadata, _ := contract.ParseMetadata(m.Metadata)
	if metadata.UserID == nil {
		return metadata.TraceID, ""
	}
	return metadata.TraceID, *metadata.UserID
}
