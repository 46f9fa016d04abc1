package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminUser is a user as administrators see them.
type AdminUser struct {
	ID string
	// Email is empty for a user without a registration.
	Email string
	// RegistrationEmailSent reports whether the mail with the confirmation link was
	// sent.
	RegistrationEmailSent bool
	// RegistrationEmailFailed is the reason why the last attempt to send the mail
	// failed; empty unless it did.
	RegistrationEmailFailed string
	Confirmed, Admin        bool
	LoginCount              int64
	// LastIdentityEventGlobalPosition and LastAuthenticationEventGlobalPosition
	// are the positions of the last event of each category in the row.
	LastIdentityEventGlobalPosition       int64
	LastAuthenticationEventGlobalPosition int64
}

const selectAdminUsers = `
	select id::text, email, registration_email_sent,
		coalesce(registration_email_failed, '') as registration_email_failed,
		confirmed, admin, login_count,
		last_identity_event_global_position, last_authentication_event_global_position
	from admin_users `

// A userKey is the key of a row of the list of users.
type userKey struct{ Email, ID string }

// ReadAdminUsers returns a page of the users, by e-mail address.
func ReadAdminUsers(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminUser], error) {
	key := func(u AdminUser) *userKey { return &userKey{u.Email, u.ID} }
	const order = "order by email, id"
	return readPage(ctx, db, "users", r, nil, key, func(after *userKey) (string, []any, error) {
		if after == nil {
			return selectAdminUsers + order, nil, nil
		}
		id, ok := parseUUID(after.ID)
		if !ok || !storable(after.Email) {
			return "", nil, errBadToken
		}
		return selectAdminUsers + "where (email, id) > ($1, $2) " + order, []any{after.Email, id}, nil
	})
}

// ReadAdminUser returns one user.
func ReadAdminUser(ctx context.Context, db *pgxpool.Pool, id string) (AdminUser, error) {
	return readByID[AdminUser](ctx, db, "user", selectAdminUsers+"where id = $1", id)
}
