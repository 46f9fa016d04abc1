package viewdata

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminUser is a user as administrators see them.
type AdminUser struct {
	ID string
	// Email is empty where no registration is known.
	Email string
	// RegistrationEmailSent says that the mail with the confirmation link is on
	// its way.
	RegistrationEmailSent bool
	// RegistrationEmailFailed is why it could not be sent, finally. "": that is
	// not so.
	RegistrationEmailFailed string
	Confirmed, Admin        bool
	LoginCount              int64
	// LastIdentityEventGlobalPosition and
	// LastAuthenticationEventGlobalPosition are of the last event of each
	// category that is in the row.
	LastIdentityEventGlobalPosition       int64
	LastAuthenticationEventGlobalPosition int64
}

const selectUser = `
	select id::text, email, registration_email_sent,
		coalesce(registration_email_failed, '') as registration_email_failed,
		confirmed, admin, login_count,
		last_identity_event_global_position, last_authentication_event_global_position
	from admin_users `

// A userKey is the key of the list of users.
type userKey struct{ Email, ID string }

// ReadAdminUsers returns a page of the users, by e-mail address. It returns an
// *InvalidError for a bad request, and a *NotReadyError while View Data cannot be
// read.
func ReadAdminUsers(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminUser], error) {
	size, err := r.size()
	if err != nil {
		return Page[AdminUser]{}, err
	}
	var after userKey
	more, err := r.after(&after)
	if err != nil {
		return Page[AdminUser]{}, err
	}
	key := func(u AdminUser) any { return userKey{u.Email, u.ID} }
	const order = " order by email, id limit $1"
	if !more {
		return readPage(ctx, db, "users", size, key, selectUser+order, size+1)
	}
	id, ok := parseUUID(after.ID)
	if !ok || !storable(after.Email) {
		return Page[AdminUser]{}, invalidToken(r.Token)
	}
	return readPage(ctx, db, "users", size, key,
		selectUser+"where (email, id) > ($2, $3)"+order, size+1, after.Email, id)
}

// ReadAdminUser returns one user. It returns ErrNotFound where there is none, and
// a *NotReadyError while View Data cannot be read.
func ReadAdminUser(ctx context.Context, db *pgxpool.Pool, id string) (AdminUser, error) {
	id, ok := parseUUID(id)
	if !ok {
		return AdminUser{}, fmt.Errorf("read user: %w", ErrNotFound)
	}
	return readOne[AdminUser](ctx, db, "user", selectUser+"where id = $1", id)
}
