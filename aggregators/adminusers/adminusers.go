// Package adminusers is the aggregator of the users as administrators see them:
// the state of the registration mail, the role and the number of log-ins.
//
// Two categories update the row of a user. They are one subscription, since the
// row would depend on the timing of two.
package adminusers

import (
	"fmt"

	"videotutorials/aggregators"
	"videotutorials/messagestore"
	authenticationv1 "videotutorials/proto/authentication/v1"
	identityv1 "videotutorials/proto/identity/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		Name:   "adminusers",
		ID:     "aggregators:admin-users",
		Tables: []string{"admin_users"},
		Handlers: aggregators.Handlers{
			aggregators.On(registered), aggregators.On(registrationEmailSent), aggregators.On(registrationEmailFailed),
			aggregators.On(registrationConfirmed), aggregators.On(adminGranted), aggregators.On(userLoggedIn),
		},
	}
}

func registered(e *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	// No valid address has more than 254 characters, and the index rejects a text of
	// some thousand bytes.
	return setColumn(m, "email", "left($3, 254)", e.GetEmail())
}

func registrationEmailSent(_ *identityv1.RegistrationEmailSent, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into admin_users (id, registration_email_sent, last_identity_event_global_position)
		values ($1, true, $2)
		on conflict (id) do update set
			registration_email_sent = true,
			registration_email_failed = null,
			last_identity_event_global_position = excluded.last_identity_event_global_position`,
		m.GlobalPosition)
}

func registrationEmailFailed(e *identityv1.RegistrationEmailFailed, m messagestore.Message) aggregators.Statement {
	return setColumn(m, "registration_email_failed", "$3", e.GetReason())
}

func registrationConfirmed(_ *identityv1.RegistrationConfirmed, m messagestore.Message) aggregators.Statement {
	return setColumn(m, "confirmed", "true")
}

func adminGranted(_ *identityv1.AdminGranted, m messagestore.Message) aggregators.Statement {
	return setColumn(m, "admin", "true")
}

// setColumn sets the column of the user to the value, an expression with the args
// from $3 on, and creates the row if necessary.
func setColumn(m messagestore.Message, column, value string, args ...any) aggregators.Statement {
	return aggregators.ForEntity(m, fmt.Sprintf(`
		insert into admin_users (id, %[1]s, last_identity_event_global_position)
		values ($1, %[2]s, $2)
		on conflict (id) do update set
			%[1]s = excluded.%[1]s,
			last_identity_event_global_position = excluded.last_identity_event_global_position`, column, value),
		append([]any{m.GlobalPosition}, args...)...)
}

func userLoggedIn(_ *authenticationv1.UserLoggedIn, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into admin_users as u (id, login_count, last_authentication_event_global_position)
		values ($1, 1, $2)
		on conflict (id) do update set
			login_count = u.login_count + 1,
			last_authentication_event_global_position = excluded.last_authentication_event_global_position`,
		m.GlobalPosition)
}
