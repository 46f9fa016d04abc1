// Package sessions is the aggregator of the sessions that were ended by a
// log-out, before they expired.
package sessions

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	authenticationv1 "videotutorials/proto/authentication/v1"
	"videotutorials/viewdata"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:       "aggregators:sessions",
		Tables:   []string{"ended_sessions"},
		Handlers: aggregators.Handlers{aggregators.On(userLoggedOut)},
	}
}

// userLoggedOut also removes the sessions that have expired by now, so that the
// table has those of some days. By now means by the event's time and not by the
// clock: so a rebuild ends with the same rows.
func userLoggedOut(e *authenticationv1.UserLoggedOut, m messagestore.Message) aggregators.Statement {
	session, err := uuid.Parse(e.GetSessionId())
	if err != nil {
		return aggregators.Skip(fmt.Sprintf("the session's id %.64q is no UUID", e.GetSessionId()))
	}
	var user *string // a session has ended, whoever's it was
	if id, err := uuid.Parse(m.Stream.ID()); err == nil {
		text := id.String()
		user = &text
	}
	return aggregators.Statement{SQL: `
		with expired as (
			delete from ended_sessions
			where time < $4
		)
		insert into ended_sessions (session_id, user_id, time)
		values ($1, $2, $3)
		on conflict do nothing`,
		Args: []any{session.String(), user, m.Time, m.Time.Add(-viewdata.LongestSession - margin)}}
}

// margin is for the clocks: the application's, which says when a session expires,
// and that of the message store's Postgres, which gives the event its time.
const margin = 24 * time.Hour
