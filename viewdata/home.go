package viewdata

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
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
	rows, _ := db.Query(ctx, `
		select coalesce((page_data->>'videosWatched')::bigint, 0) as videos_watched
		from pages
		where page_name = 'home'`)
	home, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Home])
	if errors.Is(err, pgx.ErrNoRows) {
		return Home{}, nil
	}
	if err != nil {
		return Home{}, fmt.Errorf("read home page: %w", translate(ctx, err))
	}
	return home, nil
}
