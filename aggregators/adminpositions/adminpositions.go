// Package adminpositions is the aggregator of the saved positions of components,
// as administrators see them.
package adminpositions

import (
	"videotutorials/aggregators"
	"videotutorials/messagestore"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:     "adminpositions",
		ID:       "aggregators:admin-subscriber-positions",
		Tables:   []string{"admin_subscriber_positions"},
		Handlers: aggregators.Handlers{aggregators.On(read)},
	}
}

func read(e *subscriberpositionv1.Read, m messagestore.Message) aggregators.Statement {
	return aggregators.Statement{SQL: `
		insert into admin_subscriber_positions (id, position, last_message_global_position)
		values ($1, $2, $3)
		on conflict (id) do update set
			position = excluded.position,
			last_message_global_position = excluded.last_message_global_position`,
		Args: []any{m.Stream.ID(), e.GetPosition(), m.GlobalPosition}}
}
