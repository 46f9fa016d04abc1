package videopublishing

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/components"
	"videotutorials/internal/media"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// A publishing is the effect of PublishVideo.
type publishing struct {
	Publisher
	fetcher fetcher
	// progress is how often the log is told of it.
	progress time.Duration
}

func (p publishing) effect(t times) components.Effect[*videopublishingv1.PublishVideo, video, *videopublishingv1.PublishAttempted] {
	return components.Effect[*videopublishingv1.PublishVideo, video, *videopublishingv1.PublishAttempted]{
		Entity: publishable, Projection: videos, Reject: video.refuse, Pending: video.due, Attempted: attempted,
		Owner: (*videopublishingv1.PublishVideo).GetOwnerId,
		Do:    p.publish, Failed: video.notPublished,
		Timeout: t.timeout, Lease: t.lease, RecordWaiting: true, Interruptible: true, Backoff: t.pauses,
	}
}

// due reports whether the video is still to be published. Of another's command it
// says so, which is refused. A second source of the owner's is none: the first
// counts.
func (v video) due(m *videopublishingv1.PublishVideo) bool {
	return v.anothers(m) || !v.settled && (v.owner == "" || v.source == m.GetSourceUri())
}

func (v video) anothers(m *videopublishingv1.PublishVideo) bool {
	return v.owner != "" && v.owner != m.GetOwnerId()
}

func (v video) refuse(m *videopublishingv1.PublishVideo) []components.Emit {
	if !v.anothers(m) {
		return nil
	}
	return []components.Emit{components.Event(finally(m, notOwner, "there is a video with this id already, of another owner"))}
}

func attempted(m *videopublishingv1.PublishVideo, attempt int32, until time.Time) *videopublishingv1.PublishAttempted {
	return &videopublishingv1.PublishAttempted{
		VideoId: m.GetVideoId(), Attempt: attempt, Until: timestamppb.New(until),
		OwnerId: m.GetOwnerId(), SourceUri: m.GetSourceUri(),
	}
}

// notPublished says that the attempt has failed, and if there is no other, that
// the video is not published: that rests on the attempts that have failed for the
// same fault, and not on others that were lost.
func (v video) notPublished(m *videopublishingv1.PublishVideo, attempt int32, last bool, err error) []components.Emit {
	f := explain(err)
	if last || f.final(v.failures[f.fault]) {
		return []components.Emit{components.Event(finally(m, f.code, f.reason))}
	}
	return []components.Emit{components.Event(&videopublishingv1.PublishAttemptFailed{
		VideoId: m.GetVideoId(), Attempt: attempt, Code: f.code, Reason: f.reason, Fault: f.fault,
	})}
}

func finally(m *videopublishingv1.PublishVideo, code, reason string) *videopublishingv1.VideoPublishingFailed {
	return &videopublishingv1.VideoPublishingFailed{
		OwnerId: m.GetOwnerId(), SourceUri: m.GetSourceUri(), VideoId: m.GetVideoId(), Code: code, Reason: reason,
	}
}

// publish fetches the source, makes what can be watched of it, and puts that into
// the folder, before the log says so.
func (p publishing) publish(ctx context.Context, m *videopublishingv1.PublishVideo) (emits []components.Emit, err error) {
	log := p.Log.With("video", m.GetVideoId())
	scratch, err := p.Media.Scratch()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := scratch.Remove(); err != nil {
			log.WarnContext(ctx, "what was made to publish a video stays for the sweep", "error", err)
		}
	}()
	published, err := p.make(ctx, m, scratch)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if errors.Is(err, context.Canceled) {
		return nil, err // a stop, which is no failure
	}
	p.Metrics.result(err)
	if err != nil {
		log.WarnContext(ctx, "a video is not published", "owner", m.GetOwnerId(), "error", err)
		return nil, err
	}
	log.InfoContext(ctx, "a video is published", "owner", m.GetOwnerId(), "transcoded", published.GetTranscoded())
	return []components.Emit{components.Event(published)}, nil
}

func (p publishing) make(ctx context.Context, m *videopublishingv1.PublishVideo, scratch *media.Scratch) (*videopublishingv1.VideoPublished, error) {
	id, err := uuid.Parse(m.GetVideoId())
	if err != nil {
		return nil, err
	}
	path, err := p.source(ctx, m, scratch)
	if err != nil {
		return nil, err
	}
	found, err := p.Tools.inspect(ctx, path)
	if err != nil {
		return nil, err
	}
	made, err := p.transcode(ctx, m.GetVideoId(), path, found, scratch)
	if err != nil {
		return nil, err
	}
	published := &videopublishingv1.VideoPublished{
		OwnerId: m.GetOwnerId(), SourceUri: m.GetSourceUri(), VideoId: m.GetVideoId(),
		TranscodedUri: "/media/" + m.GetVideoId(), Transcoded: made.transcoded, ContentType: made.contentType,
	}
	if made.poster != "" {
		published.PosterUri = published.GetTranscodedUri() + "/poster"
		if err := p.Media.PublishPoster(id, made.poster); err != nil {
			return nil, err
		}
	}
	return published, p.Media.Publish(id, made.path)
}

// source returns the path of the file that the command names, which it fetches
// where that is somewhere else.
func (p publishing) source(ctx context.Context, m *videopublishingv1.PublishVideo, scratch *media.Scratch) (path string, err error) {
	upload, ok := media.ParseUploadURI(m.GetSourceUri())
	if !ok {
		return p.fetcher.fetch(ctx, m.GetSourceUri(), scratch)
	}
	owner, err := uuid.Parse(m.GetOwnerId())
	if err != nil {
		return "", err
	}
	switch _, found, err := p.Media.UploadSize(owner, upload); {
	case err != nil:
		return "", err
	case !found:
		return "", refuse(unreachableSource, os.ErrNotExist, "there is no upload %s of yours", upload)
	}
	return p.Media.UploadPath(owner, upload), nil
}
