// Package adminstreams is the aggregator of the streams as administrators see
// them: the number of messages of each, and the last message. It subscribes to all
// messages. Its own progress adds none, since an aggregator saves its position in
// View Data and not in the log.
package adminstreams

import (
	"videotutorials/aggregators"
	"videotutorials/messagestore"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:     "adminstreams",
		ID:       "aggregators:admin-streams",
		Tables:   []string{"admin_streams"},
		Handlers: aggregators.Handlers{aggregators.OnAny(anyMessage)},
	}
}

func anyMessage(m messagestore.Message) aggregators.Statement {
	return aggregators.ForMessages(`
		insert into admin_streams as s (stream_name, message_count, last_message_id, last_message_global_position)
		select stream, count(*), ($2::text[])[max(n)]::uuid, ($3::bigint[])[max(n)]
		from unnest($1::text[]) with ordinality as message (stream, n)
		group by stream
		on conflict (stream_name) do update set
			message_count = s.message_count + excluded.message_count,
			last_message_id = excluded.last_message_id,
			last_message_global_position = excluded.last_message_global_position`,
		string(m.Stream), m.ID, m.GlobalPosition)
}
