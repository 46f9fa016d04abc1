package viewdata

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// LongestSession is the maximum lifetime of a session. The view forgets an ended
// session after this time. An application MUST NOT issue sessions that last
// longer.
const LongestSession = 7 * 24 * time.Hour

// ReadSessionEnded reports whether a log-out ended the session within the last
// LongestSession.
func ReadSessionEnded(ctx context.Context, db *pgxpool.Pool, sessionID string) (bool, error) {
	_, err := readByID[struct{ SessionID string }](ctx, db, "ended session", `
		select session_id::text
		from ended_sessions
		where session_id = $1`, sessionID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
