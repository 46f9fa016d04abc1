package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminStream is a stream as administrators see it.
type AdminStream struct {
	StreamName   string
	MessageCount int64
	// LastMessageID and LastMessageGlobalPosition are of its last message.
	LastMessageID             string
	LastMessageGlobalPosition int64
}

// ReadAdminStreams returns a page of the streams, by name. It returns an
// *InvalidError for a bad request, and a *NotReadyError while View Data cannot be
// read.
func ReadAdminStreams(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminStream], error) {
	size, err := r.size()
	if err != nil {
		return Page[AdminStream]{}, err
	}
	after, err := r.afterName()
	if err != nil {
		return Page[AdminStream]{}, err
	}
	return readPage(ctx, db, "streams", size, func(s AdminStream) any { return s.StreamName }, `
		select stream_name, message_count, last_message_id::text, last_message_global_position
		from admin_streams
		where stream_name > $1
		order by stream_name
		limit $2`, after, size+1)
}
