package aggregators

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

const (
	// standbyPause is how often a standby looks whether the lock is free.
	standbyPause = time.Second
	// patience bounds a transaction, which takes milliseconds: a Postgres that
	// says nothing for so long is gone, and another connection may find one.
	patience = 15 * time.Second
)

// A follower is the BatchHandler of one aggregator.
type follower struct {
	aggregator Aggregator
	handlers   map[contract.Kind]Handler
	db         *pgxpool.Pool
	log        *slog.Logger
	// conn has the lock and does the work; nil while there is none. It is not of
	// the pool: an aggregator would take one of its few for ever.
	conn *pgx.Conn
	// place is where the position in View Data is, as far as is known; at is
	// there or behind some skipped messages.
	place, at messagestore.Place
	standby   atomic.Bool
	// unlocked is for the test of the fence: it goes without the lock.
	unlocked bool
}

func newFollower(a Aggregator, db *pgxpool.Pool, log *slog.Logger) *follower {
	f := &follower{aggregator: a, handlers: map[contract.Kind]Handler{}, db: db, log: log}
	for _, h := range a.Handlers {
		f.handlers[h.kind] = h
	}
	return f
}

// Place waits until no other runner works, and reads the position.
func (f *follower) Place(ctx context.Context) (place messagestore.Place, err error) {
	if err := f.connect(ctx); err != nil {
		return place, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f.place, err = begin(ctx, f.conn, f.aggregator)
	f.at = f.place
	return f.place, err
}

// Handle applies the messages in one transaction. If one of them cannot be
// applied, it applies those before.
func (f *follower) Handle(ctx context.Context, messages []messagestore.Message) (int, error) {
	fresh := behind(f.place, messages)
	if len(fresh) == 0 {
		return len(messages), nil
	}
	good, err := f.applyGood(ctx, fresh, false)
	if err == nil {
		return len(messages), nil
	}
	return good, err
}

// behind returns the messages behind the place, each once. A store delivers no
// others; the views do not rely on it.
func behind(place messagestore.Place, messages []messagestore.Message) []messagestore.Message {
	fresh := make([]messagestore.Message, 0, len(messages))
	for _, m := range messages {
		if m.GlobalPosition > place.Position {
			fresh = append(fresh, m)
			place.Position = m.GlobalPosition
		}
	}
	return fresh
}

// Skip moves the position after 10,000 skipped messages; before, reading them
// again costs less than writing.
func (f *follower) Skip(ctx context.Context, place messagestore.Place) error {
	f.at = place
	if place.Position-f.place.Position < consumer.MaxSkipped {
		return nil
	}
	return f.commit(ctx, f.fenced(place), place)
}

// Diverged rebuilds the aggregator if its position is not in the log. Behind skipped
// messages it may be in the log while what was skipped is not.
func (f *follower) Diverged(ctx context.Context, cause error) error {
	if f.at != f.place {
		return nil
	}
	f.log.WarnContext(ctx, "rebuilding, since the log was restored", "position", f.place.Position, "error", cause)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return rebuild(ctx, f.conn, f.aggregator, f.place)
}

// handler returns the handler of the message, if it has one. A message of a type
// of ours in another of the subscribed categories has none.
func (f *follower) handler(m messagestore.Message) (Handler, bool) {
	h, ok := f.handlers[contract.Kind{Category: m.Stream.Category(), Type: m.Type}]
	if !ok {
		h, ok = f.handlers[anyKind]
	}
	return h, ok
}

// fenced returns the batch that moves the place, to which the statements are added.
func (f *follower) fenced(to messagestore.Place) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(fence, fenceArgs(f.aggregator, f.place, to)...)
	return b
}

// commit runs the batch behind the fence in one transaction, and one round trip:
// without a begin, a batch is a transaction. After an error it is not known
// whether it was applied, and the place is read again.
func (f *follower) commit(ctx context.Context, b *pgx.Batch, to messagestore.Place) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := f.conn.SendBatch(ctx, b).Close()
	if database.SQLState(err) == fenceRaised {
		return fmt.Errorf("%w: %w", consumer.ErrMoved, err)
	}
	if err != nil {
		return err
	}
	f.place, f.at = to, to
	return nil
}
