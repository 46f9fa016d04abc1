package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// data is the data of each message, of about the size of an event's.
const data = `{"videoId": "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", "userId": null, "comment": "a hundred bytes of something"}`

// streams is the number of streams of the appends.
const streams = 1000

// peerSQL creates a table with the same columns and indexes as messages, into which
// the peer inserts without any check.
const peerSQL = `
create table if not exists public.peer (like message_store.messages including all);
create sequence if not exists public.peer_position;
alter table public.peer alter column global_position set default nextval('public.peer_position');`

// appends measures durable appends per second over gRPC, compared with single-row
// inserts over as many connections into the same Postgres. The rounds alternate.
func appends(ctx context.Context, s *system, round time.Duration) error {
	const rounds = 3
	for _, c := range []struct {
		callers int
		goal    float64
	}{{1, 0.3}, {8, 0.35}, {64, 0.9}, {256, 1.2}} {
		var ours, peer []float64
		for range rounds {
			rate, err := appendRate(ctx, s, c.callers, round)
			if err != nil {
				return err
			}
			ours = append(ours, rate)
			if rate, err = insertRate(ctx, s, c.callers, round); err != nil {
				return err
			}
			peer = append(peer, rate)
		}
		reportRate(fmt.Sprintf("durable appends, %d callers / inserts", c.callers), percentile(ours, 0.5), percentile(peer, 0.5), c.goal)
	}
	return nil
}

func appendRate(ctx context.Context, s *system, callers int, round time.Duration) (float64, error) {
	return rate(ctx, callers, round, func(ctx context.Context, _, n int) error {
		_, err := s.store.Write(ctx, messagestore.Category("bench").Stream(fmt.Sprint(n%streams)), messagestore.Any,
			messagestore.NewMessage{Type: "Measured", Data: data})
		return err
	})
}

// insertRate is appendRate of the peer.
func insertRate(ctx context.Context, s *system, connections int, round time.Duration) (float64, error) {
	config, err := pgxpool.ParseConfig(s.env["VT_PSQL_MESSAGESTORE"])
	if err != nil {
		return 0, err
	}
	config.MinConns, config.MaxConns = int32(connections), int32(connections)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, peerSQL); err != nil {
		return 0, err
	}
	run := rand.Text()
	return rate(ctx, connections, round, func(ctx context.Context, caller, n int) error {
		_, err := pool.Exec(ctx, `insert into public.peer (position, id, stream_name, type, writer, data, metadata)
			values ($1, $2, $3, 'Measured', 'peer', $4, '{}')`, n, contract.NewID(), fmt.Sprintf("bench-%s-%d", run, caller), data)
		return err
	})
}

// underSnapshot measures appends while a transaction holds an old snapshot, as a
// report or a dump does, compared with appends without one. The latter are measured
// before and after, which cancels the effect of the growing log.
func underSnapshot(ctx context.Context, s *system, round, old time.Duration) error {
	const callers = 64
	before, err := appendRate(ctx, s, callers, 2*round)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.env["VT_PSQL_MESSAGESTORE"])
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // only read
	if _, err := conn.Exec(ctx, "begin isolation level repeatable read; select count(*) from pg_class"); err != nil {
		return err
	}
	if _, err := appendRate(ctx, s, callers, old); err != nil {
		return err
	}
	under, err := appendRate(ctx, s, callers, 2*round)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "rollback"); err != nil {
		return err
	}
	after, err := appendRate(ctx, s, callers, 2*round)
	if err != nil {
		return err
	}
	reportRate("appends under an old snapshot / without", under, (before+after)/2, 0.9)
	return nil
}

// rate calls do concurrently for the duration and returns the calls per second. It
// does not count the first fifth of the duration, and waits for calls in progress.
func rate(ctx context.Context, callers int, round time.Duration, do func(ctx context.Context, caller, n int) error) (float64, error) {
	group, running := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(running)
	defer stop()
	var done atomic.Int64
	for caller := range callers {
		group.Go(func() error {
			for n := caller; running.Err() == nil; n += callers {
				if err := do(context.WithoutCancel(ctx), caller, n); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	sleep(running, round/5)
	before, start := done.Load(), time.Now()
	sleep(running, round)
	counted, took := done.Load()-before, time.Since(start)
	stop()
	if err := errors.Join(group.Wait(), ctx.Err()); err != nil {
		return 0, err
	}
	if counted == 0 {
		return 0, errors.New("no calls were made")
	}
	return float64(counted) / took.Seconds(), nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
