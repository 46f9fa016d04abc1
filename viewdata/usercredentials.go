package viewdata

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// UserCredentials are the data with which a user logs in.
type UserCredentials struct {
	// ID is the user's ID.
	ID string
	// Email is trimmed and in lower case.
	Email        string
	PasswordHash string
	Admin        bool
	// Confirmed reports whether the user has confirmed the address.
	Confirmed bool
	// FailedLogins counts the failed log-ins since the last successful log-in or
	// the last lock.
	FailedLogins int64
	// LockedUntil is the end of the last lock, which may be past; nil without a
	// lock.
	LockedUntil *time.Time
	// LastAuthenticationPosition is the version of the stream
	// authentication-<ID>, -1 while the stream is empty. The next writer expects
	// this version. View Data may lag behind the store.
	LastAuthenticationPosition int64
}

const selectUserCredentials = `
	select id::text, email, password_hash, admin, confirmed,
		failed_logins, locked_until, last_authentication_position
	from user_credentials `

// ReadUserCredentials returns the credentials of the user.
func ReadUserCredentials(ctx context.Context, db *pgxpool.Pool, userID string) (UserCredentials, error) {
	return readByID[UserCredentials](ctx, db, "user credentials", selectUserCredentials+"where id = $1", userID)
}

// ReadUserCredentialsByEmail returns the credentials with the address, which MUST
// be trimmed and in lower case. The original system can register an address
// twice; then the result is always the same user.
func ReadUserCredentialsByEmail(ctx context.Context, db *pgxpool.Pool, email string) (UserCredentials, error) {
	if !storable(email) {
		return UserCredentials{}, fmt.Errorf("read user credentials: %w", ErrNotFound)
	}
	return readOne[UserCredentials](ctx, db, "user credentials", selectUserCredentials+`
		where email = $1
		order by id
		limit 1`, email)
}
