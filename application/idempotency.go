package application

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// The purposes of derived ids. They are part of the derivation.
const (
	purposeTrace   = "trace"
	purposeUser    = "user"
	purposeSession = "session"
	purposeVideo   = "video"
	purposeUpload  = "upload"
)

// purposeMessage is the purpose of the id of a call's nth message.
func purposeMessage(n int) string { return "message " + strconv.Itoa(n) }

// derive returns the id that a call with an idempotency key has for a purpose:
// a UUIDv8 of the first 16 bytes of the SHA-256 of
//
//	videotutorials idempotency 1\n<purpose>\n<key>\n<caller>\n<path>
//
// where the key is lower-case, the caller is the user's id or `anonymous`, and
// the path is the call's path in REST. None but the path, which is last, can
// hold a line feed, so no two calls make one text.
//
// The derivation is frozen: with another one, a request that is repeated over an
// update of the application would be done twice.
func derive(purpose string, key uuid.UUID, caller, path string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "videotutorials idempotency 1\n%s\n%s\n%s\n%s", purpose, key, caller, path))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// repeats returns the message that a call with this key has written to the stream
// of commands before, and whether there is one. The application may read its
// commands, and no message by its id alone.
func (r *request) repeats(ctx context.Context, store messagestore.Store, commands messagestore.Stream) (m messagestore.Message, repeated bool, err error) {
	if r.key == nil {
		return m, false, nil
	}
	id := r.messageID(0)
	for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream(commands)}) {
		if err != nil || m.ID == id {
			return m, err == nil, err
		}
	}
	return m, false, nil
}

// parseUUID returns the UUID that s is in its canonical form, hexadecimal digits
// in groups of 8-4-4-4-12, in either case.
func parseUUID(s string) (uuid.UUID, bool) { return contract.ParseUUID(s) }

// notUUID says what is wrong with a value that should be a UUID.
func notUUID(s string) string {
	return fmt.Sprintf("%s is not a UUID; it has the form 01234567-89ab-cdef-0123-456789abcdef", quote(s))
}

// quote returns the text in quotes, in ASCII, and shortened: an error does not
// send back a megabyte.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}
