package mvc

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// countSQL is the whole of it: who comes at the same time waits for the row, and
// adds to what the one before has left.
const countSQL = `update videos set view_count = view_count + 1 where video_id = $1`

// count counts a viewing. It returns errUnknownVideo where there is no row to
// count in, and an *awayError while the database is away: whether it was counted
// is then unknown.
func count(ctx context.Context, db *pgxpool.Pool, video uuid.UUID) error {
	updated, err := db.Exec(ctx, countSQL, video)
	if err != nil {
		return fmt.Errorf("count a viewing: %w", translate(ctx, err))
	}
	if updated.RowsAffected() == 0 {
		return errUnknownVideo
	}
	return nil
}

// A video is a row as the home page shows it.
type video struct {
	ID      int64     `json:"-"`
	VideoID uuid.UUID `json:"videoId"`
	Name    string    `json:"name"`
	Views   int64     `json:"views,string"`
	OwnerID uuid.UUID `json:"ownerId"`
}

const (
	watchedSQL = `select coalesce(sum(view_count), 0)::bigint from videos`
	pageSQL    = `
select id, video_id, name, view_count as views, owner_id
from videos
where transcoding_status = 'transcoded' and id > $1
order by id
limit $2`
)

// watched returns how often any video was watched, and at most limit of the
// videos behind the one with that id, which the table gives. They are two
// statements on one way: a viewing may be in the videos and not in the sum.
func watched(ctx context.Context, db *pgxpool.Pool, after int64, limit int) (sum int64, videos []video, err error) {
	both := &pgx.Batch{}
	both.Queue(watchedSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&sum) })
	both.Queue(pageSQL, after, limit).Query(func(rows pgx.Rows) (err error) {
		videos, err = pgx.CollectRows(rows, pgx.RowToStructByName[video])
		return err
	})
	if err := db.SendBatch(ctx, both).Close(); err != nil {
		return 0, nil, fmt.Errorf("read the videos: %w", translate(ctx, err))
	}
	return sum, videos, nil
}
