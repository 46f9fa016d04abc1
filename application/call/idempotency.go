package call

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

// The purposes of derived ids. They are part of the derivation.
const (
	purposeTrace   = "trace"
	PurposeUser    = "user"
	PurposeSession = "session"
	PurposeVideo   = "video"
	PurposeUpload  = "upload"
)

// PurposeMessage returns the purpose of the id of a call's nth message.
func PurposeMessage(n int) string { return "message " + strconv.Itoa(n) }

// derive returns the id that a call with an idempotency key has for a purpose:
// a UUIDv8 of the first 16 bytes of the SHA-256 of
//
//	videotutorials idempotency 1\n<purpose>\n<key>\n<caller>\n<path>
//
// where the key is lower-case, the caller is the user's id or `anonymous`, and
// the path is the call's path in REST. Only the path, which is last, can contain a
// line feed, so different calls have different texts.
//
// The derivation MUST NOT change: a request that is repeated after an update of
// the application would be executed twice.
func derive(purpose string, key uuid.UUID, caller, path string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "videotutorials idempotency 1\n%s\n%s\n%s\n%s", purpose, key, caller, path))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// Repeated returns the message that an earlier call with the same idempotency key
// wrote to the stream of commands, and whether there is one. It reads the stream,
// because the store has no read by message id for the application.
func (r *Request) Repeated(ctx context.Context, store messagestore.Store, commands messagestore.Stream) (m messagestore.Message, repeated bool, err error) {
	if r.Key == nil {
		return m, false, nil
	}
	id := r.MessageID(0)
	for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfStream(commands)}) {
		if err != nil || m.ID == id {
			return m, err == nil, err
		}
	}
	return m, false, nil
}
