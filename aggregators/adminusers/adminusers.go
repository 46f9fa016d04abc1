// Package adminusers is the aggregator of the users as administrators see them:
// what became of the registration's mail, the role, how often they logged in.
//
// The row of a user is fed by two categories, so they are one subscription: two
// would make the row depend on chance.
package adminusers

import (
	"videotutorials/aggregators"
	"videotutorials/messagestore"
	authenticationv1 "videotutorials/proto/authentication/v1"
	identityv1 "videotutorials/proto/identity/v1"
)

// Aggregator returns the aggregator.
func Aggregator() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID:     "aggregators:admin-users",
		Tables: []string{"admin_users"},
		Handlers: aggregators.Handlers{
			aggregators.On(registered), aggregators.On(registrationEmailSent), aggregators.On(registrationEmailFailed),
			aggregators.On(registrationConfirmed), aggregators.On(adminGranted), aggregators.On(userLoggedIn),
		},
	}
}

// longestEmail is how many characters of an address are kept: no valid one has
// more, and the index refuses a text of some thousand bytes.
const longestEmail = 254

func registered(e *identityv1.Registered, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into admin_users (id, email, last_identity_event_global_position)
		values ($1, left($3, $4), $2)
		on conflict (id) do update set
			email = excluded.email,
			last_identity_event_global_position = excluded.last_identity_event_global_position`,
		m.GlobalPosition, e.GetEmail(), longestEmail)
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
	return aggregators.ForEntity(m, `
		insert into admin_users (id, registration_email_failed, last_identity_event_global_position)
		values ($1, $3, $2)
		on conflict (id) do update set
			registration_email_failed = excluded.registration_email_failed,
			last_identity_event_global_position = excluded.last_identity_event_global_position`,
		m.GlobalPosition, e.GetReason())
}

func registrationConfirmed(_ *identityv1.RegistrationConfirmed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into admin_users (id, confirmed, last_identity_event_global_position)
		values ($1, true, $2)
		on conflict (id) do update set
			confirmed = true,
			last_identity_event_global_position = excluded.last_identity_event_global_position`,
		m.GlobalPosition)
}

func adminGranted(_ *identityv1.AdminGranted, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into admin_users (id, admin, last_identity_event_global_position)
		values ($1, true, $2)
		on conflict (id) do update set
			admin = true,
			last_identity_event_global_position = excluded.last_identity_event_global_position`,
		m.GlobalPosition)
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
