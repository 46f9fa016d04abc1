package identity

import "videotutorials/messagestore"

// AddressStream returns the stream in which an e-mail address is reserved: its
// EmailAddressReserved says whose it is.
func AddressStream(email string) messagestore.Stream { return reservations.Stream(addressID(email)) }
