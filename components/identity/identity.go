// Package identity is the component of the identities: it registers users, each
// with an e-mail address that no other has, has them mailed a link, and keeps who
// has confirmed and who is an administrator.
//
//	Register ──▶ EmailAddressReserved, Registered ──▶ Send ──▶ (component sendemail)
//	         └─▶ RegistrationRejected                              │
//	     RegistrationEmailSent, RegistrationEmailFailed ◀── Sent, Failed
//	ConfirmRegistration ──▶ RegistrationConfirmed
//	GrantAdmin ──▶ AdminGranted
//
// It tells sendemail what to send; sendemail knows nothing of registrations.
package identity

import (
	"fmt"
	"slices"

	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// Consumers returns the component's consumers.
func Consumers(mail Mail) []components.Consumer {
	return []components.Consumer{{
		ID: "components:identity:command",
		Handlers: components.Handlers{
			components.On(registering, identities, identity.register),
			components.On(of[*identityv1.ConfirmRegistration], identities, identity.confirm),
			components.On(of[*identityv1.GrantAdmin], identities, identity.grantAdmin),
		},
	}, {
		ID: "components:identity",
		Handlers: components.Handlers{
			components.On(of[*identityv1.Registered], identities, mail.send),
		},
	}, {
		ID:     "components:identity:sendEmailEvents",
		Origin: category,
		Handlers: components.Handlers{
			components.On(origin[*sendemailv1.Sent], identities, identity.mailSent),
			components.On(origin[*sendemailv1.Failed], identities, identity.mailFailed),
		},
	}}
}

// category is the one of the streams that are identities.
var category = contract.Category((*identityv1.Registered)(nil))

// of returns the stream of the identity that the message names. Its id is a
// UUID: there is no identity of "undefined".
func of[M interface{ GetUserId() string }](m M, _ components.Cause) []messagestore.Stream {
	return components.EntityOf[*identityv1.Registered](m.GetUserId())
}

// registering is made on the reservation of the address, too.
func registering(m *identityv1.Register, cause components.Cause) []messagestore.Stream {
	identity := of(m, cause)
	if identity == nil {
		return nil
	}
	return append(identity, reservations.Stream(addressID(m.GetEmail())))
}

// origin returns the identity that asked for the mail.
func origin[M any](_ M, cause components.Cause) []messagestore.Stream {
	return []messagestore.Stream{cause.Metadata.OriginStreamName}
}

// register makes the identity, unless its address is another's, or the id is.
// The same Register sent twice is one registration.
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

// Everybody may write commands: these two count from those alone who check what
// they are asked, and from anonymous, who is everybody where there is no TLS.
const (
	application messagestore.Principal = "spiffe://videotutorials/application"
	operator    messagestore.Principal = "spiffe://videotutorials/operator"
)

func entitled(c components.Cause) bool {
	return slices.Contains([]messagestore.Principal{application, operator, messagestore.Anonymous}, c.Message.Writer)
}

func (i identity) confirm(m *identityv1.ConfirmRegistration, c components.Cause) []components.Emit {
	if !i.registered || i.confirmed || !entitled(c) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.RegistrationConfirmed{UserId: m.GetUserId()})}
}

func (i identity) grantAdmin(m *identityv1.GrantAdmin, c components.Cause) []components.Emit {
	if !i.registered || i.admin || !entitled(c) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.AdminGranted{UserId: m.GetUserId()})}
}
