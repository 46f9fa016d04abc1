package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// snapshotCallers is the number of concurrent appends under a snapshot.
const snapshotCallers = 64

// underSnapshot measures appends while a transaction holds an old snapshot, as a
// report or a dump does, compared with appends without one, before and after, which
// cancels the effect of the growing log.
func underSnapshot(ctx context.Context, s *system, round, old time.Duration) error {
	before, err := appendRate(ctx, s, snapshotCallers, 2*round)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.env["VT_PSQL_MESSAGESTORE"])
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // it has only looked
	if _, err := conn.Exec(ctx, "begin isolation level repeatable read; select count(*) from pg_class"); err != nil {
		return err
	}
	if _, err := appendRate(ctx, s, snapshotCallers, old); err != nil {
		return err
	}
	under, err := appendRate(ctx, s, snapshotCallers, 2*round)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "rollback"); err != nil {
		return err
	}
	after, err := appendRate(ctx, s, snapshotCallers, 2*round)
	if err != nil {
		return err
	}
	report("appends under an old snapshot / without", "/s", under, (before+after)/2, 0.9)
	return nil
}
