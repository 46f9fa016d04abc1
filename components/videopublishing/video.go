package videopublishing

import (
	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// A video is the state on which decisions are made.
type video struct {
	// owner and source are those of the first attempt to publish the video, "" before.
	owner, source string
	// settled is set when the video is published, or publishing has failed.
	settled           bool
	name, description string
	// failures counts the failed attempts by fault.
	failures map[string]int32
}

var videos = components.Projection[video]{
	components.When(video.publishAttempted),
	components.When(video.attemptFailed),
	components.When(video.published),
	components.When(video.failed),
	components.When(video.named),
	components.When(video.described),
}

func (v video) publishAttempted(e *videopublishingv1.PublishAttempted) video {
	return v.ownedBy(e.GetOwnerId(), e.GetSourceUri())
}

func (v video) attemptFailed(e *videopublishingv1.PublishAttemptFailed) video {
	if e.GetFault() == "" {
		return v
	}
	if v.failures == nil {
		v.failures = map[string]int32{}
	}
	v.failures[e.GetFault()]++
	return v
}

func (v video) published(e *videopublishingv1.VideoPublished) video {
	v = v.ownedBy(e.GetOwnerId(), e.GetSourceUri())
	v.settled = true
	return v
}

func (v video) failed(e *videopublishingv1.VideoPublishingFailed) video {
	v = v.ownedBy(e.GetOwnerId(), e.GetSourceUri())
	v.settled = v.settled || v.owner == e.GetOwnerId() // otherwise it rejects a command of another user
	return v
}

func (v video) named(e *videopublishingv1.VideoNamed) video {
	v.name = e.GetName()
	return v
}

func (v video) described(e *videopublishingv1.VideoDescribed) video {
	v.description = e.GetDescription()
	return v
}

// ownedBy sets the owner and the source if they are unset.
func (v video) ownedBy(owner, source string) video {
	if v.owner == "" {
		v.owner, v.source = owner, source
	}
	return v
}

// videoStream returns the stream of the video that a command names.
func videoStream[M interface{ GetVideoId() string }](m M, _ components.Cause) []messagestore.Stream {
	return components.EntityOf[*videopublishingv1.VideoPublished](m.GetVideoId())
}

// publishStream returns the stream of the video, or nil if the owner is not a UUID.
func publishStream(m *videopublishingv1.PublishVideo, cause components.Cause) []messagestore.Stream {
	if !contract.IsUUID(m.GetOwnerId()) {
		return nil
	}
	return videoStream(m, cause)
}
