package identity

import (
	"videotutorials/components"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// mailSent answers to a mail that was sent for the identity. Other mails than the
// one with the link are not its business.
func (i identity) mailSent(m *sendemailv1.Sent, _ components.Cause) []components.Emit {
	if !i.awaits(m.GetEmailId()) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.RegistrationEmailSent{UserId: i.id, EmailId: m.GetEmailId()})}
}

func (i identity) mailFailed(m *sendemailv1.Failed, _ components.Cause) []components.Emit {
	if !i.awaits(m.GetEmailId()) {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.RegistrationEmailFailed{
		UserId: i.id, EmailId: m.GetEmailId(), Reason: m.GetReason(),
	})}
}

// awaits reports whether the mail is the one with the link, of which nothing is
// known yet.
func (i identity) awaits(emailID string) bool {
	return i.registered && !i.mailed && emailID == mailID(i.id)
}
