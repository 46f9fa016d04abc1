package viewdata

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A VideoStatus is how far the publishing of a video is.
type VideoStatus string

// The statuses of a video.
const (
	VideoPublishing VideoStatus = "publishing"
	VideoPublished  VideoStatus = "published"
	VideoFailed     VideoStatus = "failed"
)

// A CreatorVideo is a video as its owner sees it. What it has not, or not yet, is
// empty.
type CreatorVideo struct {
	ID, OwnerID       string
	Name, Description string
	// Views is how often it was watched, also before it was published.
	Views     int64
	Status    VideoStatus
	SourceURI string
	// TranscodedURI is where it can be watched, and PosterURI where an image of it
	// is.
	TranscodedURI, PosterURI string
	// FailureCode and FailureReason are why it failed, for programs and for
	// people. The original system gives no code.
	FailureCode, FailureReason string
	// FirstPosition is the global position of the event from which on it is known.
	FirstPosition int64
}

const selectCreatorVideo = `
	select id::text, owner_id::text, coalesce(name, '') as name, coalesce(description, '') as description,
		views, status, coalesce(source_uri, '') as source_uri,
		coalesce(transcoded_uri, '') as transcoded_uri, coalesce(poster_uri, '') as poster_uri,
		coalesce(failure_code, '') as failure_code, coalesce(failure_reason, '') as failure_reason, first_position
	from creators_portal_videos `

// ReadCreatorVideos returns a page of the owner's videos, newest first; none for
// an owner's id that is no UUID. It returns an *InvalidError for a bad request,
// and a *NotReadyError while View Data cannot be read.
func ReadCreatorVideos(ctx context.Context, db *pgxpool.Pool, ownerID string, r PageRequest) (Page[CreatorVideo], error) {
	size, err := r.size()
	if err != nil {
		return Page[CreatorVideo]{}, err
	}
	before := int64(math.MaxInt64)
	if _, err := r.after(&before); err != nil {
		return Page[CreatorVideo]{}, err
	}
	ownerID, ok := parseUUID(ownerID)
	if !ok {
		return Page[CreatorVideo]{}, nil
	}
	return readPage(ctx, db, "videos", size, func(v CreatorVideo) any { return v.FirstPosition }, selectCreatorVideo+`
		where owner_id = $1 and first_position < $2
		order by first_position desc
		limit $3`, ownerID, before, size+1)
}

// ReadCreatorVideo returns one of the owner's videos. It returns ErrNotFound where
// there is none, also where it is another's, and a *NotReadyError while View Data
// cannot be read.
func ReadCreatorVideo(ctx context.Context, db *pgxpool.Pool, ownerID, id string) (CreatorVideo, error) {
	ownerID, ok := parseUUID(ownerID)
	id, also := parseUUID(id)
	if !ok || !also {
		return CreatorVideo{}, fmt.Errorf("read video: %w", ErrNotFound)
	}
	return readOne[CreatorVideo](ctx, db, "video", selectCreatorVideo+"where id = $1 and owner_id = $2", id, ownerID)
}

// A PublishedVideo is what is needed to show a video. What it has not is empty.
type PublishedVideo struct {
	ID, OwnerID, Name string
	// TranscodedURI is where it is, PosterURI where an image of it is.
	TranscodedURI, PosterURI string
	// ContentType is what is at TranscodedURI, as video/mp4.
	ContentType string
}

// ReadPublishedVideo returns a published video, whoever's it is. It returns
// ErrNotFound where there is none, also while it is being published, and a
// *NotReadyError while View Data cannot be read.
func ReadPublishedVideo(ctx context.Context, db *pgxpool.Pool, id string) (PublishedVideo, error) {
	id, ok := parseUUID(id)
	if !ok {
		return PublishedVideo{}, fmt.Errorf("read published video: %w", ErrNotFound)
	}
	return readOne[PublishedVideo](ctx, db, "published video", `
		select id::text, owner_id::text, coalesce(name, '') as name,
			coalesce(transcoded_uri, '') as transcoded_uri, coalesce(poster_uri, '') as poster_uri,
			coalesce(content_type, '') as content_type
		from creators_portal_videos
		where id = $1 and status = 'published'`, id)
}
