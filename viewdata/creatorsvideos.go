package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A VideoStatus is the state of a video's publication.
type VideoStatus string

// The states of a video's publication.
const (
	VideoPublishing VideoStatus = "publishing"
	VideoPublished  VideoStatus = "published"
	VideoFailed     VideoStatus = "failed"
)

// A CreatorsVideo is a video as its owner sees it. Missing values are empty.
type CreatorsVideo struct {
	ID, OwnerID       string
	Name, Description string
	// Views is the number of viewings, including those before the publication.
	Views     int64
	Status    VideoStatus
	SourceURI string
	// TranscodedURI is the address of the published video, PosterURI that of its
	// still image.
	TranscodedURI, PosterURI string
	// FailureCode and FailureReason explain a failed publication, to programs and
	// to people. Events of the original system have no code.
	FailureCode, FailureReason string
	// FirstPosition is the global position of the event that created the row.
	FirstPosition int64
}

const selectCreatorsVideos = `
	select id::text, owner_id::text, coalesce(name, '') as name, coalesce(description, '') as description,
		views, status, coalesce(source_uri, '') as source_uri,
		coalesce(transcoded_uri, '') as transcoded_uri, coalesce(poster_uri, '') as poster_uri,
		coalesce(failure_code, '') as failure_code, coalesce(failure_reason, '') as failure_reason, first_position
	from creators_portal_videos `

// ReadCreatorsVideos returns a page of the owner's videos, newest first. The page
// is empty if the owner's ID is not a UUID.
func ReadCreatorsVideos(ctx context.Context, db *pgxpool.Pool, ownerID string, r PageRequest) (Page[CreatorsVideo], error) {
	owner, _ := parseUUID(ownerID) // the nil UUID, which owns no videos, if invalid
	key := func(v CreatorsVideo) int64 { return v.FirstPosition }
	return readPage(ctx, db, "creators videos", r, newest, key, newestFirst(selectCreatorsVideos+`
		where owner_id = $2 and first_position < $1
		order by first_position desc`, owner))
}

// ReadCreatorsVideo returns one of the owner's videos, or ErrNotFound for a video
// of another owner.
func ReadCreatorsVideo(ctx context.Context, db *pgxpool.Pool, ownerID, id string) (CreatorsVideo, error) {
	return readByID[CreatorsVideo](ctx, db, "creators video", selectCreatorsVideos+"where id = $1 and owner_id = $2", id, ownerID)
}

// A PublishedVideo is the data to play a video. Missing values are empty.
type PublishedVideo struct {
	ID, OwnerID, Name string
	// TranscodedURI is the address of the video, PosterURI that of its still image.
	TranscodedURI, PosterURI string
	// ContentType is the media type of the video, such as video/mp4.
	ContentType string
}

// ReadPublishedVideo returns a published video of any owner, or ErrNotFound before
// the publication.
func ReadPublishedVideo(ctx context.Context, db *pgxpool.Pool, id string) (PublishedVideo, error) {
	return readByID[PublishedVideo](ctx, db, "published video", `
		select id::text, owner_id::text, coalesce(name, '') as name,
			coalesce(transcoded_uri, '') as transcoded_uri, coalesce(poster_uri, '') as poster_uri,
			coalesce(content_type, '') as content_type
		from creators_portal_videos
		where id = $1 and status = 'published'`, id)
}
