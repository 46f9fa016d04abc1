// Package viewdata is View Data: its schema and the queries of its readers, one
// file per view. The file has the name of the aggregator's package: the
// aggregator homepage writes the tables that homepage.go reads.
//
// View Data is a separate database, derived from the message store and
// reproducible from it. Each aggregator writes its own tables as the role
// view_writer; the application reads them as view_reader, which has no other
// rights.
//
// A read of one row returns ErrNotFound if the row does not exist. A read of a
// list returns an *InvalidError for an invalid request. Each read returns a
// *NotReadyError while View Data cannot be read.
//
// The folder migrations has the tables. The first line of a file names the
// aggregator that writes its tables, and the last ones grant rights on them to
// the roles. Never change the statements of a migration that has been applied:
// add a file with the next number.
package viewdata

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"videotutorials/internal/database"
)

// The roles for Open.
const (
	// Writer may read and write the rows of every table.
	Writer = "view_writer"
	// Reader may read the rows of every table.
	Reader = "view_reader"
)

// Open returns a pool whose connections have the role. The user of the URL MUST
// be the role or a member of it. Open does not connect, so Postgres and the role
// need not exist yet. It returns an error for an invalid URL.
func Open(ctx context.Context, url string, role string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open view data: %w", err)
	}
	parameters := config.ConnConfig.RuntimeParams
	parameters["role"] = role
	if role == Writer {
		// Commits need not wait for the disk. A crash of Postgres may lose the last
		// ones, rows together with positions, and the aggregators then repeat them.
		parameters["synchronous_commit"] = "off"
		// One plan is enough to find rows by their keys. By default, Postgres plans
		// statements with short arrays at each execution, which takes 150 of the
		// 430 µs for a single viewing in creatorsvideos.
		parameters["plan_cache_mode"] = "force_generic_plan"
		// Postgres releases the lock of an aggregator whose machine has died after
		// 25 s instead of the default of two hours.
		parameters["tcp_keepalives_idle"] = "10"
		parameters["tcp_keepalives_interval"] = "5"
		parameters["tcp_keepalives_count"] = "3"
	}
	config.AfterConnect = inUTC
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open view data: %w", err)
	}
	return pool, nil
}

// inUTC makes the connection return times in UTC instead of the local zone.
func inUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate applies the migrations that the table migrations does not record yet.
// Several processes may call it at the same time. The user of the URL must own
// the database and have the right to create roles; if there is nothing to apply,
// the rights of view_reader are sufficient.
func Migrate(ctx context.Context, url string) error {
	return MigrateFrom(ctx, url, migrations, "migrations")
}

// MigrateFrom applies the migrations in the folder migrations of files, which
// create the tables of an aggregator, and records them in the table.
func MigrateFrom(ctx context.Context, url string, files fs.FS, table string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close() //nolint:errcheck // there are no pending changes

	if err := database.Migrate(ctx, db, files, table); err != nil {
		return fmt.Errorf("migrate view data: %w", err)
	}
	return nil
}

// ErrNotFound is returned by the reads of one row if the row does not exist. A
// malformed ID is treated like an unknown one.
var ErrNotFound = errors.New("no such row")

// An InvalidError is returned by the reads of lists for an invalid request.
type InvalidError struct {
	// Field is the invalid field, named as in REST, such as `pageToken`.
	Field string
	// Description describes the invalid value and the allowed ones.
	Description string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Description }

// A NotReadyError is returned by the reads while View Data cannot be read, since
// Postgres is unavailable or the tables do not exist yet. The caller may retry.
type NotReadyError struct {
	Cause error
}

func (e *NotReadyError) Error() string { return "view data is not ready: " + e.Cause.Error() }

func (e *NotReadyError) Unwrap() error { return e.Cause }

// notReady has the SQLSTATEs of a database that is not migrated yet, and the
// classes of those of a Postgres that is unavailable.
var notReady = []string{
	"42P01", // undefined table
	"42703", // undefined column
	"3D000", // undefined database
	"22023", // undefined role, set at the start of the connection
	"28000", // undefined role, as the user of the connection
	"08",    // connection
	"53",    // resources
	"57",    // shutdown
}

// translate returns ErrNotFound for pgx.ErrNoRows, and a *NotReadyError for an
// error that may pass. It returns all others, and those of a context that has
// ended, as they are.
func translate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	state := database.SQLState(err) // "" if the connection could not be made, or broke
	if state == "" || slices.Contains(notReady, state) || slices.Contains(notReady, state[:2]) {
		return &NotReadyError{err}
	}
	return err
}
