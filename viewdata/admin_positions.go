package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminPosition is how far a consumer is.
type AdminPosition struct {
	// ID is the consumer's, as `components:send-email`.
	ID string
	// Aggregator says that it is an aggregator, which keeps its position in View
	// Data; components keep theirs in the log. In a log that the original system
	// writes too, its aggregators can have the ids of ours.
	Aggregator bool
	// Position is the global position up to which it has handled all.
	Position int64
	// Lag is how many messages of the log are behind it. A consumer writes its
	// position after what it handles, or after 10,000 messages that were of no
	// concern to it: less than that says nothing of one that has nothing to do.
	Lag int64
	// LastMessageGlobalPosition is that of the message which said so; 0 for an
	// aggregator.
	LastMessageGlobalPosition int64
}

// A positionKey is the key of the list of positions.
type positionKey struct {
	ID         string
	Aggregator bool
}

// ReadAdminPositions returns a page of the positions of components and
// aggregators, by id. Head is the end of the log as the caller has it from the
// store: only the store knows how far behind View Data itself is. Where the store
// cannot be asked it is 0, and the end is the last that any aggregator has seen.
//
// It returns an *InvalidError for a bad request, and a *NotReadyError while View
// Data cannot be read.
func ReadAdminPositions(ctx context.Context, db *pgxpool.Pool, head int64, r PageRequest) (Page[AdminPosition], error) {
	size, err := r.size()
	if err != nil {
		return Page[AdminPosition]{}, err
	}
	var after positionKey // before the first, since no id is empty
	if _, err := r.after(&after); err != nil {
		return Page[AdminPosition]{}, err
	}
	if !storable(after.ID) {
		return Page[AdminPosition]{}, invalidToken(r.Token)
	}
	key := func(p AdminPosition) any { return positionKey{p.ID, p.Aggregator} }
	// What a message says its position is can be any number.
	return readPage(ctx, db, "subscriber positions", size, key, `
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
		order by id, aggregator
		limit $4`, head, after.ID, after.Aggregator, size+1)
}
