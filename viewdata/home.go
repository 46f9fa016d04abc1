package viewdata

import (
	"context"
	"errors"
	"math"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Home is the home page.
type Home struct {
	// VideosWatched is how often any video was watched.
	VideosWatched int64
}

// ReadHome returns the home page; zeros while there is no row of it. It returns
// a *NotReadyError while View Data cannot be read.
func ReadHome(ctx context.Context, db *pgxpool.Pool) (Home, error) {
	home, err := readOne[Home](ctx, db, "home page", `
		select coalesce((page_data->>'videosWatched')::bigint, 0) as videos_watched
		from pages
		where page_name = 'home'`)
	if errors.Is(err, ErrNotFound) {
		return Home{}, nil
	}
	return home, err
}

// A HomeVideo is a published video on the home page.
type HomeVideo struct {
	VideoID string
	// Name is empty while it has none.
	Name string
	// Views is how often it was watched, also before it was published.
	Views int64
	// OwnerID is the user who published it.
	OwnerID string
	// PublishedPosition is the global position of VideoPublished.
	PublishedPosition int64
}

// ReadHomeVideos returns a page of the published videos, newest first. It returns
// an *InvalidError for a bad request, and a *NotReadyError while View Data cannot
// be read.
func ReadHomeVideos(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[HomeVideo], error) {
	size, err := r.size()
	if err != nil {
		return Page[HomeVideo]{}, err
	}
	before := int64(math.MaxInt64)
	if _, err := r.after(&before); err != nil {
		return Page[HomeVideo]{}, err
	}
	return readPage(ctx, db, "home videos", size, func(v HomeVideo) any { return v.PublishedPosition }, `
		select video_id::text, coalesce(name, '') as name, views, owner_id::text, published_position
		from home_videos
		where published_position < $1
		order by published_position desc
		limit $2`, before, size+1)
}
