package aggregators

import (
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/messagestore/consumer"
)

// Unlock makes the Runner work without locks, so that only the fence remains.
func Unlock(r *Runner) {
	for _, running := range r.running {
		running.applier.unlocked = true
	}
}

// NewBatchHandler returns the BatchHandler of the aggregator. The caller must call
// disconnect.
func NewBatchHandler(a Aggregator, db *pgxpool.Pool, log *slog.Logger) (h consumer.BatchHandler, disconnect func()) {
	applier := newApplier(a, db, log)
	return applier, applier.disconnect
}
