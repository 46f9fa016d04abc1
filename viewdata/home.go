package viewdata

import (
	"context"
	"errors"

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
