package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminStream is a stream as administrators see it.
type AdminStream struct {
	StreamName   string
	MessageCount int64
	// LastMessageID and LastMessageGlobalPosition identify the last message of the
	// stream.
	LastMessageID             string
	LastMessageGlobalPosition int64
}

// ReadAdminStreams returns a page of the streams, by name.
func ReadAdminStreams(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminStream], error) {
	return readPage(ctx, db, "streams", r, "", func(s AdminStream) string { return s.StreamName }, byName(`
		select stream_name, message_count, last_message_id::text, last_message_global_position
		from admin_streams
		where stream_name > $1
		order by stream_name`))
}
