package aggregators

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

const (
	fenceRaised      = "VT001" // the SQLSTATE of the fence
	lockNotAvailable = "55P03" // the SQLSTATE of a lock_timeout

	// setLockTimeout bounds how long a transaction waits for locks on tables. All
	// later transactions wait behind it, so a retry is better than a long wait.
	setLockTimeout = "set local lock_timeout = '2s'"

	// fence is the first statement of each transaction. It moves the saved position,
	// and fails if another instance has moved it or View Data was restored.
	fence = "select move_position($1, $2, nullif($3, '')::uuid, $4, nullif($5, '')::uuid)"
)

func fenceArgs(a Aggregator, from, to messagestore.Place) []any {
	return []any{a.ID, from.Position, from.ID, to.Position, to.ID}
}

// readPosition returns the saved position of the aggregator. It first creates the
// position and the initial rows unless they exist.
func readPosition(ctx context.Context, conn *pgx.Conn, a Aggregator) (place messagestore.Place, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into consumer_positions (consumer_id, position)
			values ($1, 0)
			on conflict do nothing`, a.ID)
		if err != nil {
			return err
		}
		if err := insertInitialRows(ctx, tx, a); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			select position, coalesce(message_id::text, '')
			from consumer_positions
			where consumer_id = $1`, a.ID).Scan(&place.Position, &place.ID)
	})
	if err != nil {
		return place, fmt.Errorf("read position: %w", err)
	}
	return place, nil
}

// reset truncates the tables of the aggregator and moves its saved position to the
// beginning of the log.
func reset(ctx context.Context, conn *pgx.Conn, a Aggregator, from messagestore.Place) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setLockTimeout); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fence, fenceArgs(a, from, messagestore.Place{})...); err != nil {
			return err
		}
		for _, table := range a.Tables {
			if _, err := tx.Exec(ctx, "truncate "+pgx.Identifier{table}.Sanitize()); err != nil {
				return err
			}
		}
		return insertInitialRows(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

func insertInitialRows(ctx context.Context, tx pgx.Tx, a Aggregator) error {
	if a.Init == "" {
		return nil
	}
	_, err := tx.Exec(ctx, a.Init)
	return err
}
