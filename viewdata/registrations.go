package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A Registration is the outcome of a registration.
type Registration struct {
	TraceID, UserID string
	Succeeded       bool
	// Code and Reason explain a rejection, to programs and to people.
	Code, Reason string
}

// ReadRegistration returns the outcome of the registration with the trace ID. A
// user whose registration succeeded can log in. ReadRegistration returns
// ErrNotFound while there is no outcome.
func ReadRegistration(ctx context.Context, db *pgxpool.Pool, traceID string) (Registration, error) {
	return readByID[Registration](ctx, db, "registration", `
		select trace_id::text, user_id::text, succeeded,
			coalesce(code, '') as code, coalesce(reason, '') as reason
		from registrations r
		where trace_id = $1 and (not succeeded or exists (
			select from user_credentials c
			where c.id = r.user_id))`, traceID)
}
