package identity

import (
	"crypto/sha256"
	"encoding/hex"

	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

// An identity is the state on which decisions are made.
type identity struct {
	id, email                    string
	registered, confirmed, admin bool
	// mailed is set when the outcome of the mail with the confirmation link is known.
	mailed bool
	// reservedFor is the user for whom the address of a Register is reserved.
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

// category is the category of identities.
var category = contract.Category((*identityv1.Registered)(nil))

// userStream returns the stream of the identity that a message names.
func userStream[M interface{ GetUserId() string }](m M, _ components.Cause) []messagestore.Stream {
	return components.EntityOf[*identityv1.Registered](m.GetUserId())
}

// originStream returns the stream of the identity that asked for a mail.
func originStream[M any](_ M, cause components.Cause) []messagestore.Stream {
	return []messagestore.Stream{cause.Metadata.OriginStreamName}
}

// registerStreams returns the streams of the identity and of its address.
func registerStreams(m *identityv1.Register, cause components.Cause) []messagestore.Stream {
	identity := userStream(m, cause)
	if identity == nil {
		return nil
	}
	return append(identity, AddressStream(m.GetEmail()))
}

// AddressStream returns the stream in which an e-mail address is reserved. Its
// EmailAddressReserved event names the user.
func AddressStream(email string) messagestore.Stream {
	return contract.Category((*identityv1.EmailAddressReserved)(nil)).Stream(addressID(email))
}

// addressID returns the id of an address's stream: the hexadecimal SHA-256 of the
// address. Stream names are short, and visible to more people than addresses should be.
func addressID(email string) string {
	sum := sha256.Sum256([]byte(identityv1.NormalizeEmail(email)))
	return hex.EncodeToString(sum[:])
}
