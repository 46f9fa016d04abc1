// Package registrations is the aggregator of the outcomes of registrations, by the
// trace ID of the request.
//
// A repeated command, with the same user and address, causes no event of its own:
// it has the outcome of the first.
package registrations

import (
	"strings"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:   "registrations",
		ID:     "aggregators:registrations",
		Tables: []string{"registrations", "registration_requests", "registered_users"},
		Handlers: aggregators.Handlers{
			aggregators.On(register), aggregators.On(registered), aggregators.On(registrationRejected),
		},
	}
}

// register handles a command: it stores the outcome if there is one already, and
// else the request.
func register(c *identityv1.Register, m messagestore.Message) aggregators.Statement {
	return aggregators.Statement{SQL: `
		with outcome as (
			select user_id
			from registered_users
			where user_id = $1 and email = $3
		), request as (
			insert into registration_requests (user_id, trace_id, email)
			select $1, $2, $3
			where not exists (select from outcome)
				and not exists (select from registrations where trace_id = $2)
			on conflict do nothing
		)
		insert into registrations (user_id, trace_id, succeeded)
		select user_id, $2, true
		from outcome
		on conflict do nothing`,
		Args: []any{aggregators.UUID("user ID", c.GetUserId()), aggregators.UUID("trace ID", traceID(m)), normalise(c.GetEmail())}}
}

// registered is the outcome of all requests with the user and the address, and of
// the request with the trace ID of the event, which need not be stored.
func registered(e *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		with outcome as (
			insert into registered_users (user_id, email)
			values ($1, $2)
			on conflict do nothing
		), settled as (
			delete from registration_requests
			where user_id = $1 and email = $2
			returning trace_id
		), requested as (
			select trace_id from settled
			union
			select $3::uuid where $3 is not null
		)
		insert into registrations (user_id, trace_id, succeeded)
		select $1, trace_id, true
		from requested
		on conflict do nothing`, normalise(e.GetEmail()), aggregators.NullUUID(traceID(m)))
}

// registrationRejected is the outcome of one request. The first outcome of a trace
// ID is final, since a caller may have chosen the ID.
func registrationRejected(e *identityv1.RegistrationRejected, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		with request as (
			delete from registration_requests
			where trace_id = $2
		)
		insert into registrations (user_id, trace_id, succeeded, code, reason)
		values ($1, $2, false, $3, $4)
		on conflict do nothing`, aggregators.UUID("trace ID", traceID(m)), e.GetCode(), e.GetReason())
}

// traceID returns the trace ID of the metadata, "" if they cannot be parsed.
func traceID(m messagestore.Message) string {
	metadata, _ := contract.ParseMetadata(m.Metadata)
	return metadata.TraceID
}

// longestEmail bounds the part of an address that is compared, in bytes. No valid
// address is longer, and an index rejects a text of some thousand bytes.
const longestEmail = 254

// normalise returns the address in the form that is compared. In events of the
// original system, it is as the user entered it.
func normalise(email string) string {
	email = identityv1.NormalizeEmail(email)
	if len(email) > longestEmail {
		email = strings.ToValidUTF8(email[:longestEmail], "")
	}
	return email
}
