package aggregators

import (
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/messagestore/consumer"
)

// Unlock lets the runner work without the lock, so that the fence alone is left.
func Unlock(r *Runner) {
	for _, one := range r.running {
		one.follower.unlocked = true
	}
}

// NewSink returns the aggregator's BatchHandler, and what ends it.
func NewSink(a Aggregator, db *pgxpool.Pool, log *slog.Logger) (consumer.BatchHandler, func()) {
	f := newFollower(a, db, log)
	return f, f.disconnect
}
