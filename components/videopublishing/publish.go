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

// A publishing handles PublishVideo.
type publishing struct {
	Publisher
	fetcher fetcher
}

func (p publishing) effect(t times) components.Effect[*videopublishingv1.PublishVideo, video, *videopublishingv1.PublishAttempted] {
	return components.Effect[*videopublishingv1.PublishVideo, video, *videopublishingv1.PublishAttempted]{
		Entity: publishStream, Projection: videos, Reject: video.reject, Pending: video.pending, Attempted: attempted,
		Owner: (*videopublishingv1.PublishVideo).GetOwnerId,
		Do:    p.publish, Failed: video.publishFailed,
		Timeout: t.timeout, Lease: t.lease, RecordWaiting: true, Interruptible: true, Backoff: t.backoff,
	}
}

// pending reports whether the command is to be handled: published, or rejected because
// the video has another owner. A second source of the same owner is ignored.
func (v video) pending(m *videopublishingv1.PublishVideo) bool {
	return v.hasOtherOwner(m) || !v.settled && (v.owner == "" || v.source == m.GetSourceUri())
}

func (v video) hasOtherOwner(m *videopublishingv1.PublishVideo) bool {
	return v.owner != "" && v.owner != m.GetOwnerId()
}

func (v video) reject(m *videopublishingv1.PublishVideo) []components.Emit {
	if !v.hasOtherOwner(m) {
		return nil
	}
	return publishingFailed(m, notOwner, "there is a video with this id already, of another owner")
}

func attempted(m *videopublishingv1.PublishVideo, attempt int32, until time.Time) *videopublishingv1.PublishAttempted {
	return &videopublishingv1.PublishAttempted{
		VideoId: m.GetVideoId(), Attempt: attempt, Until: timestamppb.New(until),
		OwnerId: m.GetOwnerId(), SourceUri: m.GetSourceUri(),
	}
}

// publishFailed records a failed attempt. It is final if it is the last, or if enough
// attempts have failed with the same fault; attempts that were lost do not count.
func (v video) publishFailed(m *videopublishingv1.PublishVideo, attempt int32, last bool, err error) []components.Emit {
	f := explain(err)
	if last || f.final(v.failures[f.fault]) {
		return publishingFailed(m, f.code, f.reason)
	}
	return []components.Emit{components.Event(&videopublishingv1.PublishAttemptFailed{
		VideoId: m.GetVideoId(), Attempt: attempt, Code: f.code, Reason: f.reason, Fault: f.fault,
	})}
}

func publishingFailed(m *videopublishingv1.PublishVideo, code, reason string) []components.Emit {
	return []components.Emit{components.Event(&videopublishingv1.VideoPublishingFailed{
		OwnerId: m.GetOwnerId(), SourceUri: m.GetSourceUri(), VideoId: m.GetVideoId(), Code: code, Reason: reason,
	})}
}

// publish makes an attempt, and logs and counts its result.
func (p publishing) publish(ctx context.Context, m *videopublishingv1.PublishVideo) (emits []components.Emit, err error) {
	log := p.Log.With("video", m.GetVideoId(), "owner", m.GetOwnerId())
	scratch, err := p.Media.Scratch()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := scratch.Remove(); err != nil {
			log.WarnContext(ctx, "scratch folder of a video stays for the sweep", "error", err)
		}
	}()
	published, err := p.process(ctx, m, scratch)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if errors.Is(err, context.Canceled) {
		return nil, err // interrupted, not failed
	}
	p.Metrics.attempted(err)
	if err != nil {
		log.WarnContext(ctx, "video not published", "error", err)
		return nil, err
	}
	log.InfoContext(ctx, "video published", "transcoded", published.GetTranscoded())
	return []components.Emit{components.Event(published)}, nil
}

// process fetches the source, transcodes it, and moves the results to the media folder,
// before the log contains VideoPublished.
func (p publishing) process(ctx context.Context, m *videopublishingv1.PublishVideo, scratch *media.Scratch) (*videopublishingv1.VideoPublished, error) {
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
	result, err := p.transcode(ctx, m.GetVideoId(), path, found, scratch)
	if err != nil {
		return nil, err
	}
	published := &videopublishingv1.VideoPublished{
		OwnerId: m.GetOwnerId(), SourceUri: m.GetSourceUri(), VideoId: m.GetVideoId(),
		TranscodedUri: "/media/" + m.GetVideoId(), Transcoded: result.transcoded, ContentType: result.contentType,
	}
	if result.poster != "" {
		published.PosterUri = published.GetTranscodedUri() + "/poster"
		if err := p.Media.PublishPoster(id, result.poster); err != nil {
			return nil, err
		}
	}
	return published, p.Media.Publish(id, result.path)
}

// source returns the path of the source: of an upload, or of the file that it fetches.
func (p publishing) source(ctx context.Context, m *videopublishingv1.PublishVideo, scratch *media.Scratch) (path string, err error) {
	upload, ok := media.ParseUploadURI(m.GetSourceUri())
	if !ok {
		return p.fetcher.fetch(ctx, m.GetSourceUri(), scratch)
	}
	owner, err := uuid.Parse(m.GetOwnerId())
	if err != nil {
		return "", err
	}
	_, found, err := p.Media.UploadSize(owner, upload)
	if err == nil && !found {
		err = reject(unreachableSource, os.ErrNotExist, "there is no upload %s of yours", upload)
	}
	return p.Media.UploadPath(owner, upload), err
}
