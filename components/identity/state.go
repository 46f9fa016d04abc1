package identity

import (
	"crypto/sha256"
	"encoding/hex"

	"videotutorials/components"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

// An identity is what is known of one when a decision is made.
type identity struct {
	id, email                    string
	registered, confirmed, admin bool
	// mailed says that what became of the mail with the link is known.
	mailed bool
	// reservedFor is the user that has the address that is asked for.
	reservedFor string
}

var identities = components.Projection[identity]{
	components.When(func(i identity, e *identityv1.Registered) identity {
		i.id, i.email, i.registered = e.GetUserId(), identityv1.NormalizeEmail(e.GetEmail()), true
		return i
	}),
	components.When(func(i identity, _ *identityv1.RegistrationConfirmed) identity {
		i.confirmed = true
		return i
	}),
	components.When(func(i identity, _ *identityv1.AdminGranted) identity {
		i.admin = true
		return i
	}),
	components.When(func(i identity, _ *identityv1.RegistrationEmailSent) identity {
		i.mailed = true
		return i
	}),
	components.When(func(i identity, _ *identityv1.RegistrationEmailFailed) identity {
		i.mailed = true
		return i
	}),
	components.When(func(i identity, e *identityv1.EmailAddressReserved) identity {
		i.reservedFor = e.GetUserId()
		return i
	}),
}

// reservations is the category of the streams that are e-mail addresses.
var reservations = contract.Category((*identityv1.EmailAddressReserved)(nil))

// addressID returns the id of an address's stream: the hexadecimal SHA-256 of the
// address, since a stream's name is short, and seen by more people.
func addressID(email string) string {
	sum := sha256.Sum256([]byte(identityv1.NormalizeEmail(email)))
	return hex.EncodeToString(sum[:])
}
