// Package viewdata is View Data: its schema and its read queries, a file a view.
//
// View Data is a database of its own. The aggregators write it, each its own
// tables, as the role view_writer; the application reads it, as view_reader,
// which can do nothing else. All of it is derived from the message store and can
// be made again from there.
//
// A table is a file in migrations, of the next number, that is never changed
// once it has run anywhere. Its first line names the aggregator that writes it,
// and its last ones grant to the roles what they may: without them nobody can
// write it, or read it. A query is a file here, named as the view.
package viewdata

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The roles to Open View Data with.
const (
	// Writer may read and write every table, and change none.
	Writer = "view_writer"
	// Reader may read every table.
	Reader = "view_reader"
)

// Open returns a pool whose connections work as the role, whoever the user of
// the URL is; it must be the role itself or a member of it. Open does not
// connect: Postgres and the role may come later. It returns an error if the URL
// is wrong.
func Open(ctx context.Context, url string, role string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open view data: %w", err)
	}
	parameters := config.ConnConfig.RuntimeParams
	parameters["role"] = role
	if role == Writer {
		// A crash of Postgres may undo the last commits, rows and position
		// together, and the aggregators make them again from the log. So they
		// need not wait for the disk.
		parameters["synchronous_commit"] = "off"
		// Rows are found by their keys, for which one plan does. Left to itself,
		// Postgres plans SQL of short arrays each time: for a single viewing of the
		// creators' videos, 150 µs of 430.
		parameters["plan_cache_mode"] = "force_generic_plan"
		// The lock of an aggregator whose machine is gone is free after 25 s, and
		// not after the two hours that are the default.
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

// inUTC lets the connection return times in UTC, and not in this machine's zone.
func inUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}
