package aggregators

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// fenceRaised is the SQLSTATE of the fence.
const fenceRaised = "VT001"

// Rebuild empties the aggregator's tables and moves its place to the start of the
// log. db works as view_writer. Who runs the aggregator finds out by the fence, at
// the next message, and makes all rows again; restarted, it does so at once.
func Rebuild(ctx context.Context, db *pgxpool.Pool, a Aggregator) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	for {
		place, err := begin(ctx, conn.Conn(), a)
		if err != nil {
			return err
		}
		err = rebuild(ctx, conn.Conn(), a, place)
		var raised *pgconn.PgError
		if !errors.As(err, &raised) || raised.Code != fenceRaised {
			return err
		}
		// It has moved on since.
	}
}
