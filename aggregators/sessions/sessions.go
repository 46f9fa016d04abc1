// Package sessions is the aggregator of the sessions that a log-out ended before
// they expired.
package sessions

import (
	"time"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	authenticationv1 "videotutorials/proto/authentication/v1"
	"videotutorials/viewdata"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:     "sessions",
		ID:       "aggregators:sessions",
		Tables:   []string{"ended_sessions"},
		Handlers: aggregators.Handlers{aggregators.On(userLoggedOut)},
	}
}

// clockSkew bounds the difference between the clock of the application, which sets
// the expiry of sessions, and that of the message store's Postgres, which sets the
// times of events.
const clockSkew = 24 * time.Hour

// userLoggedOut also deletes the sessions that have expired, so that the table has
// those of a few days. The time of the event and not the clock decides, so that a
// rebuild makes the same rows.
func userLoggedOut(e *authenticationv1.UserLoggedOut, m messagestore.Message) aggregators.Statement {
	expired := m.Time.Add(-viewdata.LongestSession - clockSkew)
	return aggregators.Statement{SQL: `
		with expired as (
			delete from ended_sessions
			where time < $4
		)
		insert into ended_sessions (session_id, user_id, time)
		values ($1, $2, $3)
		on conflict do nothing`,
		Args: []any{aggregators.UUID("session ID", e.GetSessionId()), aggregators.NullUUID(m.Stream.ID()), m.Time, expired}}
}
