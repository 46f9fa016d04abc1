package viewdata

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A Credential is what a log-in needs to know of a user.
type Credential struct {
	// ID is the user's.
	ID string
	// Email is the address, trimmed and in lower case.
	Email string
	// PasswordHash is the password's bcrypt hash.
	PasswordHash string
	// Admin says that the user is an administrator.
	Admin bool
	// Confirmed says that the address is the user's.
	Confirmed bool
	// FailedLogins is how often a log-in failed since the last that did not, or
	// since the last lock.
	FailedLogins int64
	// LockedUntil, unless nil, is until when nobody can log in; it may be past.
	LockedUntil *time.Time
	// LastAuthenticationPosition is the version of the stream
	// authentication-<ID>, -1 while it is empty: what a writer of the next event
	// expects. View Data may lag, so the store may know better.
	LastAuthenticationPosition int64
}

const selectCredential = `
	select id::text, email, password_hash, admin, confirmed,
		failed_logins, locked_until, last_authentication_position
	from user_credentials `

// ReadCredential returns the credential of the user. It returns ErrNotFound
// where there is none, and a *NotReadyError while View Data cannot be read.
func ReadCredential(ctx context.Context, db *pgxpool.Pool, userID string) (Credential, error) {
	userID, ok := parseUUID(userID)
	if !ok {
		return Credential{}, fmt.Errorf("read credential: %w", ErrNotFound)
	}
	return readOne[Credential](ctx, db, "credential", selectCredential+"where id = $1", userID)
}

// ReadCredentialByEmail returns the credential with the address, which is trimmed
// and in lower case. Of several, which the original system can make, it is always
// the same. Its errors are those of ReadCredential.
func ReadCredentialByEmail(ctx context.Context, db *pgxpool.Pool, email string) (Credential, error) {
	if !storable(email) {
		return Credential{}, fmt.Errorf("read credential: %w", ErrNotFound)
	}
	return readOne[Credential](ctx, db, "credential", selectCredential+`
		where email = $1
		order by id
		limit 1`, email)
}
