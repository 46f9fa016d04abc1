package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// data has about the size of an event.
const data = `{"videoId": "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", "userId": null, "comment": "a hundred bytes of something"}`

// streams is the number of streams the messages are spread over.
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
		report(fmt.Sprintf("durable appends, %d callers / inserts", c.callers), "/s", median(ours), median(peer), c.goal)
	}
	return nil
}

// appendRate returns the appends per second of a number of callers.
func appendRate(ctx context.Context, s *system, callers int, round time.Duration) (float64, error) {
	return rate(ctx, callers, round, func(ctx context.Context, _, n int) error {
		_, err := s.store.Write(ctx, messagestore.Category("bench").Stream(fmt.Sprint(n%streams)), messagestore.Any,
			messagestore.NewMessage{Type: "Measured", Data: data})
		return err
	})
}

// insertRate returns the inserts per second of a number of connections.
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

// rate calls do concurrently for the duration and returns the calls per second. It
// does not count the first fifth of the duration.
func rate(ctx context.Context, callers int, round time.Duration, do func(ctx context.Context, caller, n int) error) (float64, error) {
	var (
		group   sync.WaitGroup
		done    atomic.Int64
		failure atomic.Pointer[error]
	)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for caller := range callers {
		group.Go(func() {
			for n := caller; ctx.Err() == nil; n += callers {
				// A call that was begun is brought to its end.
				if err := do(context.WithoutCancel(ctx), caller, n); err != nil {
					failure.Store(&err)
					stop()
					return
				}
				done.Add(1)
			}
		})
	}
	sleep(ctx, round/5)
	before, start := done.Load(), time.Now()
	sleep(ctx, round)
	counted, took := done.Load()-before, time.Since(start)
	cancelled := context.Cause(ctx)
	stop()
	group.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	if cancelled != nil {
		return 0, cancelled
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
