package mvc

import (
	"context"
	"embed"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
)

const (
	// connections is how many statements run at a time: commits at the same time
	// share their wait for the disk.
	connections = 32
	// statementTimeout ends in Postgres what nobody waits for any more.
	statementTimeout = 2 * callTimeout
)

// Open returns a pool for the database of that URL. It does not connect: Postgres
// may come later. It returns an error if the URL is wrong.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	config.MaxConns = connections
	parameters := config.ConnConfig.RuntimeParams
	// As the message store does: the two are compared.
	parameters["synchronous_commit"] = "on"
	parameters["statement_timeout"] = fmt.Sprint(statementTimeout.Milliseconds())
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return pool, nil
}

//go:embed migrations/*.sql
var migrations embed.FS

// seedSQL inserts those of the first n videos that are not there. What is there
// stays as it is.
const seedSQL = `
insert into videos (video_id, owner_id, name, description, transcoding_status, view_count)
select seed, '00000000-0000-4000-8000-0000000000ff', 'Video ' || n, 'One of the first videos.', 'transcoded',
       case when n <= 3 then n - 1 else 0 end
from (select n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as seed from generate_series(1, $1::bigint) n) seeds
where not exists (select from videos where videos.video_id = seed)
order by n
on conflict do nothing`

// mostVideos bounds what one statement inserts.
const mostVideos = 100_000

// CheckVideos returns an error that says what is allowed, unless so many videos
// may be there from the start.
func CheckVideos(n int) error {
	if n < 0 || n > mostVideos {
		return fmt.Errorf("videos is %d, 0 to %d are allowed", n, mostVideos)
	}
	return nil
}

// VideoID returns the id of the nth video that every database has from its start,
// counted from 1: 00000000-0000-4000-8000-000000000001 and so on, in decimal
// digits.
func VideoID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
}

// migrate makes the table, and the first so many videos.
func migrate(ctx context.Context, pool *pgxpool.Pool, videos int) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() //nolint:errcheck // the pool stays open
	if err := database.Migrate(ctx, db, migrations, "migrations"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := pool.Exec(ctx, seedSQL, videos); err != nil {
		return fmt.Errorf("insert the first videos: %w", err)
	}
	return nil
}
