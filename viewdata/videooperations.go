package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A VideoOperation is the outcome of a command about a video.
type VideoOperation struct {
	TraceID, VideoID string
	// OwnerID is the user who gave the command. The outcome MUST NOT be shown to
	// other users.
	OwnerID   string
	Succeeded bool
	// Code and Reason explain a failure, to programs and to people. Events of the
	// original system have no code.
	Code, Reason string
}

// ReadVideoOperation returns the outcome of the operation with the trace ID, or
// ErrNotFound while it has none.
func ReadVideoOperation(ctx context.Context, db *pgxpool.Pool, traceID string) (VideoOperation, error) {
	return readByID[VideoOperation](ctx, db, "video operation", `
		select trace_id::text, video_id::text, owner_id::text, succeeded,
			coalesce(failure_code, '') as code, coalesce(failure_reason, '') as reason
		from video_operations
		where trace_id = $1`, traceID)
}
