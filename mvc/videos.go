package mvc

import (
	"context"
	"embed"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
)

const (
	// maxConnections is the number of concurrent statements. Concurrent commits share
	// their flush.
	maxConnections = 32
	// statementTimeout ends statements whose callers do not wait any more.
	statementTimeout = 2 * callTimeout
	// maxVideos bounds the rows that one statement inserts.
	maxVideos = 100_000
)

// Open returns a pool for the database. It does not connect, so that Postgres may
// start later. It returns an error if the URL is invalid.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	config.MaxConns = maxConnections
	parameters := config.ConnConfig.RuntimeParams
	parameters["synchronous_commit"] = "on" // as in the message store, for the comparison
	parameters["statement_timeout"] = fmt.Sprint(statementTimeout.Milliseconds())
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return pool, nil
}

// CheckVideos returns an error unless n is a valid number of initial videos.
func CheckVideos(n int) error {
	if n < 0 || n > maxVideos {
		return fmt.Errorf("videos is %d, 0 to %d are allowed", n, maxVideos)
	}
	return nil
}

// VideoID returns the id of the nth initial video, counted from 1:
// 00000000-0000-4000-8000-000000000001 and so on, in decimal digits.
func VideoID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
}

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// seedSQL inserts the missing ones of the initial videos.
	seedSQL = `
insert into videos (video_id, owner_id, name, description, transcoding_status, view_count)
select seed, '00000000-0000-4000-8000-0000000000ff', 'Video ' || n, 'One of the first videos.', 'transcoded',
       case when n <= 3 then n - 1 else 0 end
from (select n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as seed from generate_series(1, $1::bigint) n) seeds
where not exists (select from videos where videos.video_id = seed)
order by n
on conflict do nothing`
	// countSQL is the whole transaction. Concurrent ones wait for the row and see each
	// other's result.
	countSQL   = `update videos set view_count = view_count + 1 where video_id = $1`
	watchedSQL = `select coalesce(sum(view_count), 0)::bigint from videos`
	pageSQL    = `
select id, video_id, name, view_count as views, owner_id
from videos
where transcoding_status = 'transcoded' and id > $1
order by id
limit $2`
)

// migrate creates the table and the initial videos.
func migrate(ctx context.Context, pool *pgxpool.Pool, videos int) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() //nolint:errcheck // the pool stays open
	if err := database.Migrate(ctx, db, migrations, "migrations"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := pool.Exec(ctx, seedSQL, videos); err != nil {
		return fmt.Errorf("insert the initial videos: %w", err)
	}
	return nil
}

// count counts a viewing. It returns errUnknownVideo if the video has no row, and
// errAway if the database is away and the outcome unknown.
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

// A video is a row of the home page.
type video struct {
	ID      int64     `json:"-"`
	VideoID uuid.UUID `json:"videoId"`
	Name    string    `json:"name"`
	Views   int64     `json:"views,string"`
	OwnerID uuid.UUID `json:"ownerId"`
}

// watched returns the sum of all viewings, and at most limit videos after the row with
// the given id. The two statements have separate snapshots: a viewing may be in the
// videos and not in the sum.
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
