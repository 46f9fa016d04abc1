package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

// SQLSTATEs that decide something.
const (
	uniqueViolation    = "23505"
	checkViolation     = "23514"
	diskFull           = "53100"
	lockNotAvailable   = "55P03"
	serialization      = "40001"
	deadlock           = "40P01"
	readOnly           = "25006"
	classConnection    = "08"
	classData          = "22"
	classRaised        = "P0" // by a trigger that says no more
	classLimits        = "54"
	classResources     = "53"
	classIntervention  = "57"
	classConfiguration = "F0"
	classSystem        = "58"
)

// postgresText returns Postgres's own sentence, without its SQLSTATE.
func postgresText(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	return ""
}

// passing reports whether the error is of the connection or of Postgres's state,
// not of the statement: another try may succeed, and the outcome is unknown.
func passing(err error) bool {
	state := database.SQLState(err)
	if state == "" {
		return true // the connection broke, or there was none
	}
	switch state {
	case lockNotAvailable, serialization, deadlock, readOnly:
		return true
	}
	switch state[:2] {
	case classConnection, classResources, classIntervention, classConfiguration, classSystem:
		return true
	}
	return false
}

// guilty reports whether Postgres refuses messages for what they are. Others it
// would store.
func guilty(err error) bool {
	state := database.SQLState(err)
	if state == "" {
		return false
	}
	switch state[:2] {
	case classData, classRaised, classLimits:
		return true
	}
	return state == checkViolation
}

// translate returns what a caller gets for an error of Postgres: by SQLSTATE,
// never by text. Context errors stay themselves.
func translate(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case database.SQLState(err) == diskFull:
		return &messagestore.ExhaustedError{RetryAfter: 10 * time.Second, Reason: "the disk of Postgres is full"}
	case passing(err):
		return &messagestore.UnavailableError{Reason: "Postgres is away", Cause: err}
	}
	return errors.Join(messagestore.ErrInternal, err)
}
