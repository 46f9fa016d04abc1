package viewdata

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An Operation is how a command about a video ended.
type Operation struct {
	TraceID, VideoID string
	// OwnerID is the user who gave the command. Nobody else is to see how it ended.
	OwnerID   string
	Succeeded bool
	// Code and Reason are why it did not, for programs and for people. The original
	// system gives no code.
	Code, Reason string
}

// ReadOperation returns how the operation with the trace id ended. It returns
// ErrNotFound while it has not, or where there never was one, and a
// *NotReadyError while View Data cannot be read.
func ReadOperation(ctx context.Context, db *pgxpool.Pool, traceID string) (Operation, error) {
	traceID, ok := parseUUID(traceID)
	if !ok {
		return Operation{}, fmt.Errorf("read operation: %w", ErrNotFound)
	}
	return readOne[Operation](ctx, db, "operation", `
		select trace_id::text, video_id::text, owner_id::text, succeeded,
			coalesce(failure_code, '') as code, coalesce(failure_reason, '') as reason
		from video_operations
		where trace_id = $1`, traceID)
}
