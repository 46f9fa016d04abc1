package videopublishing

import (
	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// A video is what is known of one when a decision is made.
type video struct {
	// owner and source are those of the first attempt to publish it; "" before.
	owner, source string
	// settled says that it is published, or will not be.
	settled           bool
	name, description string
	// failures counts the attempts that have failed, by their faults.
	failures map[string]int32
}

var videos = components.Projection[video]{
	components.When(video.begun),
	components.When(video.attemptFailed),
	components.When(video.published),
	components.When(video.failed),
	components.When(video.named),
	components.When(video.described),
}

func (v video) begun(e *videopublishingv1.PublishAttempted) video {
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
	v.settled = v.settled || v.owner == e.GetOwnerId() // else it is about another's command
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

// ownedBy returns the video, which is the owner's unless it is somebody's.
func (v video) ownedBy(owner, source string) video {
	if v.owner == "" {
		v.owner, v.source = owner, source
	}
	return v
}

// of returns the stream of the video that the command names. Its id is a UUID:
// there is no video of "undefined".
func of[M interface{ GetVideoId() string }](m M, _ components.Cause) []messagestore.Stream {
	return components.EntityOf[*videopublishingv1.VideoPublished](m.GetVideoId())
}

// publishable is of, for a command that must name a user, too.
func publishable(m *videopublishingv1.PublishVideo, cause components.Cause) []messagestore.Stream {
	if !contract.IsUUID(m.GetOwnerId()) {
		return nil
	}
	return of(m, cause)
}
