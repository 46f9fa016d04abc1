package components

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// derive returns the id of what a consumer emits: a UUIDv8 whose first 48 bits
// are the cause's time in milliseconds, so that ids that are stored together
// stand together in the index, and whose others are the first of the SHA-256 of
//
//	videotutorials component 1\n<consumer>\n<type of the cause>\n<id of the cause>\n<ordinal>
//
// where the consumer is its id without the group's member. None of them can hold
// a line feed.
//
// The derivation is frozen: with another one, what was handled by one version of
// a component and is delivered to another one would be done twice.
func derive(consumer, causeType, causeID string, ordinal int, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "videotutorials component 1\n%s\n%s\n%s\n%d", consumer, causeType, causeID, ordinal))
	id := uuid.UUID(sum[:16])
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
