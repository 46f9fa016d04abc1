// Package usercredentials is the aggregator of the data for log-ins: the hash of
// the password, the role, the lock, and the version of the user's authentication
// stream, which the application expects when it writes the next event there.
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
		Name:   "usercredentials",
		ID:     "aggregators:user-credentials",
		Tables: []string{"user_credentials"},
		Handlers: aggregators.Handlers{
			aggregators.On(registered), aggregators.On(registrationConfirmed), aggregators.On(adminGranted),
			aggregators.On(userLoggedIn), aggregators.On(userLoginFailed), aggregators.On(accountLocked), aggregators.On(userLoggedOut),
		},
	}
}

func registered(e *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	// In events of the original system, the address is as the user entered it.
	email := identityv1.NormalizeEmail(e.GetEmail())
	return aggregators.ForEntity(m, `
		insert into user_credentials (id, email, password_hash)
		values ($1, $2, $3)
		on conflict do nothing`, email, e.GetPasswordHash())
}

func registrationConfirmed(_ *identityv1.RegistrationConfirmed, m messagestore.Message) aggregators.Statement {
	return update(m, "confirmed = true")
}

func adminGranted(_ *identityv1.AdminGranted, m messagestore.Message) aggregators.Statement {
	return update(m, "admin = true")
}

func userLoggedIn(_ *authenticationv1.UserLoggedIn, m messagestore.Message) aggregators.Statement {
	return update(m, "failed_logins = 0, locked_until = null, last_authentication_position = $2", m.Position)
}

func userLoginFailed(_ *authenticationv1.UserLoginFailed, m messagestore.Message) aggregators.Statement {
	return update(m, "failed_logins = failed_logins + 1, last_authentication_position = $2", m.Position)
}

func accountLocked(e *authenticationv1.AccountLocked, m messagestore.Message) aggregators.Statement {
	var until *time.Time // null, which is no lock, if the event has no time
	if e.GetUntil() != nil {
		t := e.GetUntil().AsTime()
		until = &t
	}
	return update(m, "failed_logins = 0, last_authentication_position = $2, locked_until = $3", m.Position, until)
}

func userLoggedOut(_ *authenticationv1.UserLoggedOut, m messagestore.Message) aggregators.Statement {
	return update(m, "last_authentication_position = $2", m.Position)
}

// update sets columns of the user's row, with the args from $2 on.
func update(m messagestore.Message, columns string, args ...any) aggregators.Statement {
	return aggregators.ForEntity(m, "update user_credentials set "+columns+" where id = $1", args...)
}
