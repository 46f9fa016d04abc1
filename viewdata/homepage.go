package viewdata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
)

// HomePage is the data of the home page apart from its videos.
type HomePage struct {
	// VideosWatched is the number of viewings of all videos.
	VideosWatched int64
}

// ReadHomePage returns the home page, or a zero HomePage while the view has no
// row.
func ReadHomePage(ctx context.Context, db *pgxpool.Pool) (HomePage, error) {
	home, err := readOne[HomePage](ctx, db, "home page", `
		select coalesce((page_data->>'videosWatched')::bigint, 0) as videos_watched
		from pages
		where page_name = 'home'`)
	if errors.Is(err, ErrNotFound) {
		return HomePage{}, nil
	}
	return home, err
}

// A HomePageVideo is a published video on the home page.
type HomePageVideo struct {
	VideoID string
	// Name is empty for a video without a name.
	Name string
	// Views is the number of viewings, including those before the publication.
	Views int64
	// OwnerID is the user who published the video.
	OwnerID string
	// PublishedPosition is the global position of VideoPublished.
	PublishedPosition int64
}

// ReadHomePageVideos returns a page of the published videos, newest first.
func ReadHomePageVideos(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[HomePageVideo], error) {
	key := func(v HomePageVideo) int64 { return v.PublishedPosition }
	return readPage(ctx, db, "home page videos", r, newest, key, newestFirst(`
		select video_id::text, coalesce(name, '') as name, views, owner_id::text, published_position
		from home_videos
		where published_position < $1
		order by published_position desc`))
}
