package viewdata

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A Registration is how a registration ended.
type Registration struct {
	TraceID, UserID string
	Succeeded       bool
	// Code and Reason are why it did not, for programs and for people.
	Code, Reason string
}

// ReadRegistration returns how the registration with the trace id ended: where it
// succeeded, the user can log in. It returns ErrNotFound while it has not ended,
// or where there never was one, and a *NotReadyError while View Data cannot be
// read.
func ReadRegistration(ctx context.Context, db *pgxpool.Pool, traceID string) (Registration, error) {
	traceID, ok := parseUUID(traceID)
	if !ok {
		return Registration{}, fmt.Errorf("read registration: %w", ErrNotFound)
	}
	return readOne[Registration](ctx, db, "registration", `
		select trace_id::text, user_id::text, succeeded,
			coalesce(code, '') as code, coalesce(reason, '') as reason
		from registrations r
		where trace_id = $1 and (not succeeded or exists (
			select from user_credentials c
			where c.id = r.user_id))`, traceID)
}
