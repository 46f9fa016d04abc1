// Package registrations is the aggregator of the registrations as operations:
// what became of the one that a request asked for, by the request's trace id.
package registrations

import (
	"fmt"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/internal/contract"
	"videotutorials/messagestore"
	identityv1 "videotutorials/proto/identity/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:       "aggregators:registrations",
		Tables:   []string{"registrations"},
		Handlers: aggregators.Handlers{aggregators.On(registered), aggregators.On(registrationRejected)},
	}
}

func registered(_ *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	return ended(m, true, nil, nil)
}

func registrationRejected(e *identityv1.RegistrationRejected, m messagestore.Message) aggregators.Statement {
	code, reason := e.GetCode(), e.GetReason()
	return ended(m, false, &code, &reason)
}

// ended is how the operation of the message's trace ended, for good: a trace id
// that comes again, from a caller who chose it, changes nothing.
func ended(m messagestore.Message, succeeded bool, code, reason *string) aggregators.Statement {
	metadata, err := contract.ParseMetadata(m.Metadata)
	if err != nil {
		return aggregators.Skip(err.Error())
	}
	trace, err := uuid.Parse(metadata.TraceID)
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the trace id %.64q is no UUID", metadata.TraceID))
	}
	return aggregators.ForEntity(m, `
		insert into registrations (user_id, trace_id, succeeded, code, reason)
		values ($1, $2, $3, $4, $5)
		on conflict do nothing`, trace.String(), succeeded, code, reason)
}
