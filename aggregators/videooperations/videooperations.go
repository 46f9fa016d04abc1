// Package videooperations is the aggregator of the commands about videos as
// operations: what became of the one that a request gave, by the request's trace
// id.
package videooperations

import (
	"fmt"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:     "aggregators:video-operations",
		Tables: []string{"video_operations", "video_publish_requests", "video_publish_outcomes"},
		Handlers: aggregators.Handlers{
			aggregators.On(videoNamed), aggregators.On(videoNameRejected),
			aggregators.On(videoDescribed), aggregators.On(videoDescriptionRejected),
			aggregators.On(publishVideo), aggregators.On(videoPublished), aggregators.On(videoPublishingFailed),
		},
	}
}

func videoNamed(_ *videopublishingv1.VideoNamed, m messagestore.Message) aggregators.Statement {
	return ended(m, outcome{succeeded: true})
}

func videoNameRejected(e *videopublishingv1.VideoNameRejected, m messagestore.Message) aggregators.Statement {
	return ended(m, outcome{code: e.GetCode(), reason: e.GetReason()})
}

func videoDescribed(_ *videopublishingv1.VideoDescribed, m messagestore.Message) aggregators.Statement {
	return ended(m, outcome{succeeded: true})
}

func videoDescriptionRejected(e *videopublishingv1.VideoDescriptionRejected, m messagestore.Message) aggregators.Statement {
	return ended(m, outcome{code: e.GetCode(), reason: e.GetReason()})
}

// An outcome is how an operation ended. The original system gives no code.
type outcome struct {
	succeeded    bool
	code, reason string
}

// ended is how the operation of the message's trace ended, for good: a trace id
// that comes again, from a caller who chose it, changes nothing. Should it wait
// for a publishing, it does so no longer.
func ended(m messagestore.Message, o outcome) aggregators.Statement {
	trace, user, err := asker(m)
	if err != nil {
		return aggregators.Skip(err.Error())
	}
	return aggregators.ForEntity(m, `
		with request as (
			delete from video_publish_requests
			where trace_id = $2
		)
		insert into video_operations (video_id, trace_id, owner_id, succeeded, failure_code, failure_reason)
		values ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''))
		on conflict do nothing`, trace, user, o.succeeded, o.code, o.reason)
}

// asker returns the trace of the request that the message follows from, and the
// user who made it.
func asker(m messagestore.Message) (trace, user string, err error) {
	metadata, err := contract.ParseMetadata(m.Metadata)
	if err != nil {
		return "", "", err
	}
	traceID, err := uuid.Parse(metadata.TraceID)
	if err != nil {
		return "", "", fmt.Errorf("the trace id %.64q is no UUID", metadata.TraceID)
	}
	if metadata.UserID == nil {
		return "", "", fmt.Errorf("nobody asked for it")
	}
	userID, err := uuid.Parse(*metadata.UserID)
	if err != nil {
		return "", "", fmt.Errorf("the user's id %.64q is no UUID", *metadata.UserID)
	}
	return traceID.String(), userID.String(), nil
}
