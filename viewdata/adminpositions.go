package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminPosition is the saved position of a consumer.
type AdminPosition struct {
	// ID is the consumer's ID, such as `components:send-email`.
	ID string
	// Aggregator reports whether the consumer is an aggregator, whose position is
	// in View Data. The positions of components are in the log. The aggregators of
	// the original system, which may write to the same log, have the IDs of ours.
	Aggregator bool
	// Position is a global position: all messages up to it have been handled.
	Position int64
	// Lag is the number of messages in the log after Position. A consumer saves its
	// position after it has handled messages or skipped 10,000, so the Lag of an
	// idle consumer may be anything below 10,000.
	Lag int64
	// LastMessageGlobalPosition is the global position of the message that saved
	// Position; 0 for an aggregator.
	LastMessageGlobalPosition int64
}

// A positionKey is the key of a row of the list of positions.
type positionKey struct {
	ID         string
	Aggregator bool
}

// ReadAdminPositions returns a page of the positions of components and
// aggregators, by ID. Head is the head of the log, which only the message store
// knows. If head is 0, since the store is unavailable, lags are relative to the
// last position that any aggregator has seen.
func ReadAdminPositions(ctx context.Context, db *pgxpool.Pool, head int64, r PageRequest) (Page[AdminPosition], error) {
	key := func(p AdminPosition) positionKey { return positionKey{p.ID, p.Aggregator} }
	first := positionKey{} // IDs are not empty
	return readPage(ctx, db, "subscriber positions", r, first, key, func(after positionKey) (string, []any, error) {
		if !storable(after.ID) {
			return "", nil, errBadToken
		}
		// A component's position may be any number, also a negative one: anybody
		// may write the message.
		return `
			with positions as (
				select id, false as aggregator, position, last_message_global_position
				from admin_subscriber_positions
				union all
				select consumer_id collate "C", true, position, 0
				from consumer_positions
			), log as (
				select greatest($1, max(position) filter (where aggregator), max(last_message_global_position)) as head
				from positions
			)
			select id, aggregator, position, greatest(0, head - greatest(0, position)) as lag, last_message_global_position
			from positions, log
			where (id, aggregator) > ($2, $3)
			order by id, aggregator`, []any{head, after.ID, after.Aggregator}, nil
	})
}
