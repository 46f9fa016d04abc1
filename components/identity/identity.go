// Package identity is the component that registers users. Each user has an e-mail
// address that no other user has, gets a mail with a confirmation link, and may become
// an administrator.
//
//	Register ──▶ EmailAddressReserved, Registered ──▶ Send ──▶ (component sendemail)
//	         └─▶ RegistrationRejected                              │
//	     RegistrationEmailSent, RegistrationEmailFailed ◀── Sent, Failed
//	ConfirmRegistration ──▶ RegistrationConfirmed
//	GrantAdmin ──▶ AdminGranted
//
// The component sendemail knows nothing of registrations.
package identity

import (
	"fmt"
	"path/filepath"
	"slices"

	"videotutorials/components"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// Consumers returns the consumers of the component.
func Consumers(mail Mail) []components.Consumer {
	return []components.Consumer{{
		ID: "components:identity:command",
		Handlers: components.Handlers{
			components.On(registerStreams, identities, identity.register),
			components.On(userStream[*identityv1.ConfirmRegistration], identities, identity.confirm),
			components.On(userStream[*identityv1.GrantAdmin], identities, identity.grantAdmin),
		},
	}, {
		ID: "components:identity",
		Handlers: components.Handlers{
			components.On(userStream[*identityv1.Registered], identities, mail.send),
		},
	}, {
		ID:     "components:identity:sendEmailEvents",
		Origin: category,
		Handlers: components.Handlers{
			components.On(originStream[*sendemailv1.Sent], identities, identity.mailSent),
			components.On(originStream[*sendemailv1.Failed], identities, identity.mailFailed),
		},
	}}
}

// register reserves the address and creates the identity, unless the address or the id
// is taken. Repeating a Register has no effect.
func (i identity) register(m *identityv1.Register, _ components.Cause) []components.Emit {
	email := identityv1.NormalizeEmail(m.GetEmail())
	reject := func(code, reason string) []components.Emit {
		return []components.Emit{components.Event(&identityv1.RegistrationRejected{
			UserId: m.GetUserId(), Email: email, Code: code, Reason: reason,
		})}
	}
	switch {
	case i.registered && i.email == email:
		return nil
	case i.registered:
		return reject("USER_ID_TAKEN", "there is a user with this id already")
	case i.reservedFor != "" && i.reservedFor != m.GetUserId():
		return reject("EMAIL_TAKEN", fmt.Sprintf("%s is registered already", email))
	}
	return []components.Emit{
		components.EventOf(addressID(email), &identityv1.EmailAddressReserved{UserId: m.GetUserId(), Email: email}),
		components.Event(&identityv1.Registered{UserId: m.GetUserId(), Email: email, PasswordHash: m.GetPasswordHash()}),
	}
}

func (i identity) confirm(m *identityv1.ConfirmRegistration, c components.Cause) []components.Emit {
	if !i.registered || i.confirmed || !trusted(c) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.RegistrationConfirmed{UserId: m.GetUserId()})}
}

func (i identity) grantAdmin(m *identityv1.GrantAdmin, c components.Cause) []components.Emit {
	if !i.registered || i.admin || !trusted(c) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.AdminGranted{UserId: m.GetUserId()})}
}

const (
	application messagestore.Principal = "spiffe://videotutorials/application"
	operator    messagestore.Principal = "spiffe://videotutorials/operator"
)

// trusted reports whether the writer of a command checks the permissions of its users.
// Every principal may write commands. Without TLS all writers are anonymous.
func trusted(c components.Cause) bool {
	return slices.Contains([]messagestore.Principal{application, operator, messagestore.Anonymous}, c.Message.Writer)
}

func (i identity) mailSent(m *sendemailv1.Sent, _ components.Cause) []components.Emit {
	if !i.awaitsMail(m.GetEmailId()) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.RegistrationEmailSent{UserId: i.id, EmailId: m.GetEmailId()})}
}

func (i identity) mailFailed(m *sendemailv1.Failed, _ components.Cause) []components.Emit {
	if !i.awaitsMail(m.GetEmailId()) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.RegistrationEmailFailed{
		UserId: i.id, EmailId: m.GetEmailId(), Reason: m.GetReason(),
	})}
}

// awaitsMail reports whether the mail is the one with the confirmation link, and its
// outcome is not known yet.
func (i identity) awaitsMail(emailID string) bool {
	return i.registered && !i.mailed && emailID == mailID(i.id)
}

// Component returns the component as components.Main runs it. The secret that
// signs links is the file secret in the data folder.
func Component() components.Component {
	return components.Component{
		Name: "identity",
		Consumers: func(p components.Process) ([]components.Consumer, error) {
			secret, err := token.ReadSecret(filepath.Join(p.DataDir, "secret"))
			if err != nil {
				return nil, err
			}
			return Consumers(Mail{PublicURL: p.PublicURL, Secret: secret}), nil
		},
	}
}
