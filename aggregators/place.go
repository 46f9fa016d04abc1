package aggregators

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// begin makes the aggregator's rows that must exist, and returns its place.
func begin(ctx context.Context, conn *pgx.Conn, a Aggregator) (place messagestore.Place, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into consumer_positions (consumer_id, position)
			values ($1, 0)
			on conflict do nothing`, a.ID)
		if err != nil {
			return err
		}
		if err := initialise(ctx, tx, a); err != nil {
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

// rebuild empties the aggregator's tables and moves its place from where it is to
// the start of the log.
func rebuild(ctx context.Context, conn *pgx.Conn, a Aggregator, from messagestore.Place) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, impatient); err != nil {
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
		return initialise(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	return nil
}

func initialise(ctx context.Context, tx pgx.Tx, a Aggregator) error {
	if a.Init == "" {
		return nil
	}
	_, err := tx.Exec(ctx, a.Init)
	return err
}

// The SQLSTATEs of the fence and of a lock_timeout.
const (
	fenceRaised      = "VT001"
	lockNotAvailable = "55P03"
)

// impatient bounds how long a transaction waits for locks. Whoever waits behind it
// waits for those it waits for: rather try again than hold up everybody behind a
// long one.
const impatient = "set local lock_timeout = '2s'"

// fence is the first statement of each transaction. It moves the place, and fails
// if the place is not the one that was read: another runner was here, or View
// Data was restored.
const fence = "select move_position($1, $2, nullif($3, '')::uuid, $4, nullif($5, '')::uuid)"

func fenceArgs(a Aggregator, from, to messagestore.Place) []any {
	return []any{a.ID, from.Position, from.ID, to.Position, to.ID}
}
