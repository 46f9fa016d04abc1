// Package usercredentials is the aggregator of what a log-in needs to know: the
// password's hash, the role, the lock, and the version of the user's
// authentication stream, with which the application writes the next event there.
package usercredentials

import (
	"time"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	authenticationv1 "videotutorials/proto/authentication/v1"
	identityv1 "videotutorials/proto/identity/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:     "aggregators:user-credentials",
		Tables: []string{"user_credentials"},
		Handlers: aggregators.Handlers{
			aggregators.On(registered), aggregators.On(registrationConfirmed), aggregators.On(adminGranted),
			aggregators.On(userLoggedIn), aggregators.On(userLoginFailed), aggregators.On(accountLocked), aggregators.On(userLoggedOut),
		},
	}
}

func registered(e *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	// The original system keeps the address as it was typed.
	email := identityv1.NormalizeEmail(e.GetEmail())
	return aggregators.ForEntity(m, `
		insert into user_credentials (id, email, password_hash)
		values ($1, $2, $3)
		on conflict do nothing`, email, e.GetPasswordHash())
}

func registrationConfirmed(_ *identityv1.RegistrationConfirmed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, "update user_credentials set confirmed = true where id = $1")
}

func adminGranted(_ *identityv1.AdminGranted, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, "update user_credentials set admin = true where id = $1")
}

func userLoggedIn(_ *authenticationv1.UserLoggedIn, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		update user_credentials
		set failed_logins = 0, locked_until = null, last_authentication_position = $2
		where id = $1`, m.Position)
}

func userLoginFailed(_ *authenticationv1.UserLoginFailed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		update user_credentials
		set failed_logins = failed_logins + 1, last_authentication_position = $2
		where id = $1`, m.Position)
}

func accountLocked(e *authenticationv1.AccountLocked, m messagestore.Message) aggregators.Statement {
	var until *time.Time // without one it is no lock
	if e.GetUntil() != nil {
		t := e.GetUntil().AsTime()
		until = &t
	}
	return aggregators.ForEntity(m, `
		update user_credentials
		set failed_logins = 0, locked_until = $3, last_authentication_position = $2
		where id = $1`, m.Position, until)
}

func userLoggedOut(_ *authenticationv1.UserLoggedOut, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		update user_credentials
		set last_authentication_position = $2
		where id = $1`, m.Position)
}
