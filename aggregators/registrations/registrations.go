// Package registrations is the aggregator of the registrations as operations:
// what became of the one that a request asked for, by the request's trace id.
//
// One that is repeated, with the same user and address, gets no event of its own:
// it waits for the outcome of the first, or has it at once.
package registrations

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:     "aggregators:registrations",
		Tables: []string{"registrations", "registration_requests", "registered_users"},
		Handlers: aggregators.Handlers{
			aggregators.On(register), aggregators.On(registered), aggregators.On(registrationRejected),
		},
	}
}

// register is a command.
func register(c *identityv1.Register, m messagestore.Message) aggregators.Statement {
	trace, err := traceOf(m)
	if err != nil {
		return aggregators.Skip(err.Error())
	}
	user, err := uuid.Parse(c.GetUserId())
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the user's id %.64q is no UUID", c.GetUserId()))
	}
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
		Args: []any{user.String(), trace, normalise(c.GetEmail())}}
}

// registered is the outcome of all the requests with the user and the address,
// and of the event's own, which may be none of those known.
func registered(e *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	var own *string // null where the event has none: the others are told all the same
	if trace, err := traceOf(m); err == nil {
		own = &trace
	}
	return aggregators.ForEntity(m, `
		with outcome as (
			insert into registered_users (user_id, email)
			values ($1, $2)
			on conflict do nothing
		), settled as (
			delete from registration_requests
			where user_id = $1 and email = $2
			returning trace_id
		), asked as (
			select trace_id from settled
			union
			select $3::uuid where $3 is not null
		)
		insert into registrations (user_id, trace_id, succeeded)
		select $1, trace_id, true
		from asked
		on conflict do nothing`, normalise(e.GetEmail()), own)
}

// registrationRejected is the outcome of its own request alone, for good: a trace
// id that comes again, from a caller who chose it, changes nothing.
func registrationRejected(e *identityv1.RegistrationRejected, m messagestore.Message) aggregators.Statement {
	trace, err := traceOf(m)
	if err != nil {
		return aggregators.Skip(err.Error())
	}
	return aggregators.ForEntity(m, `
		with request as (
			delete from registration_requests
			where trace_id = $2
		)
		insert into registrations (user_id, trace_id, succeeded, code, reason)
		values ($1, $2, false, $3, $4)
		on conflict do nothing`, trace, e.GetCode(), e.GetReason())
}

// traceOf returns the trace of the request that the message follows from.
func traceOf(m messagestore.Message) (string, error) {
	metadata, err := contract.ParseMetadata(m.Metadata)
	if err != nil {
		return "", err
	}
	trace, err := uuid.Parse(metadata.TraceID)
	if err != nil {
		return "", fmt.Errorf("the trace id %.64q is no UUID", metadata.TraceID)
	}
	return trace.String(), nil
}

// longestEmail is how many bytes of an address are compared: no valid one has
// more, and an index refuses a text of some thousand.
const longestEmail = 254

// normalise returns the address as it is compared. The original system has it as
// it was typed.
func normalise(email string) string {
	email = identityv1.NormalizeEmail(email)
	if len(email) > longestEmail {
		email = strings.ToValidUTF8(email[:longestEmail], "")
	}
	return email
}
