package viewdata

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// LongestSession is how long a session may last at most: a session that was ended
// is forgotten so long after its end, when it would have expired. Who makes
// sessions MUST NOT let one last longer.
const LongestSession = 7 * 24 * time.Hour

// ReadSessionEnded reports whether the session was ended by a log-out, in the
// last LongestSession. It returns a *NotReadyError while View Data cannot be
// read.
func ReadSessionEnded(ctx context.Context, db *pgxpool.Pool, sessionID string) (bool, error) {
	sessionID, ok := parseUUID(sessionID)
	if !ok {
		return false, nil
	}
	_, err := readOne[struct{ SessionID string }](ctx, db, "ended session", `
		select session_id::text
		from ended_sessions
		where session_id = $1`, sessionID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
