package audit

import (
	"encoding/json"
	"fmt"

	"videotutorials/messagestore"
)

// owners verifies in global order that each message was written by the owner of its
// stream:
//
//   - a category belongs to the owner of its last claim, or else to its first writer;
//     a category whose owner is pinned by the policy has no claim;
//   - a stream of positions belongs to its first writer;
//   - `ownership` belongs to the store;
//   - command categories are open to every principal.
//
// Messages of anonymous, which were written while ownership was off, are accepted
// anywhere except in `ownership`. Anonymous owns nothing.
type owners struct {
	self   messagestore.Principal
	report func(Damage)
	owned  map[string]*owned // by category, or stream of positions
}

// owned is a category or a stream that has an owner.
type owned struct {
	owner       messagestore.Principal // "": none
	hasMessages bool
	// The current series of messages by one other writer, reported as one damage.
	series  *Damage
	writer  messagestore.Principal
	repeats int64
	last    int64 // global position
}

// next verifies the next message.
func (o *owners) next(m *row) {
	stream, writer := messagestore.Stream(m.stream.String), messagestore.Principal(m.writer.String)
	category := stream.Category()
	switch {
	case category == "", writer == "", category.IsCommand():
		// Reported elsewhere, or open to every principal.
	case category == messagestore.OwnershipCategory:
		own := o.get(string(category))
		own.owner = o.self
		if o.check(own, m, writer) {
			o.claim(m, messagestore.Category(stream.ID()))
		}
	default:
		name := string(category)
		if category == messagestore.PositionCategory {
			name = string(stream)
		}
		own := o.get(name)
		if writer != messagestore.Anonymous {
			if own.owner == "" && !own.hasMessages {
				own.owner = writer
			}
			o.check(own, m, writer)
		}
		// A stream of positions that anonymous began belongs to its first other writer.
		own.hasMessages = category != messagestore.PositionCategory
	}
}

func (o *owners) get(name string) *owned {
	if o.owned[name] == nil {
		o.owned[name] = &owned{}
	}
	return o.owned[name]
}

// check reports whether the writer is the owner, and collects the damage if not.
func (o *owners) check(own *owned, m *row, writer messagestore.Principal) bool {
	if writer != own.owner && own.series != nil && own.writer == writer {
		own.repeats++
		own.last = m.globalPosition.Int64
		return false
	}
	o.flush(own)
	if writer == own.owner {
		return true
	}
	detail := fmt.Sprintf("written by %s, the owner is %s", writer, own.owner)
	if own.owner == "" {
		detail = fmt.Sprintf("written by %s without a claim", writer)
	}
	damage := m.damage(NotOwner, detail)
	own.series, own.writer = &damage, writer
	return false
}

// flush reports the series of messages by another writer as one damage.
func (o *owners) flush(own *owned) {
	if own.series == nil {
		return
	}
	if own.repeats > 0 {
		own.series.Detail += fmt.Sprintf(", and %d more up to global position %d", own.repeats, own.last)
	}
	o.report(*own.series)
	own.series, own.repeats = nil, 0
}

// end reports the collected damage.
func (o *owners) end() {
	for _, own := range o.owned {
		o.flush(own)
	}
}

// claim changes the owner of the category. An inconsistent claim is reported and
// nevertheless applied, as the servers do.
func (o *owners) claim(m *row, category messagestore.Category) {
	if category.IsCommand() || category == messagestore.PositionCategory || category == messagestore.OwnershipCategory ||
		m.badData.Valid {
		return // without effect, or reported already
	}
	var claim struct{ Owner, From messagestore.Principal }
	if err := json.Unmarshal([]byte(m.claim.String), &claim); err != nil || claim.Owner == "" {
		o.report(m.damage(BadClaim, "names no owner"))
		return
	}
	own := o.get(string(category))
	o.flush(own)
	switch messageType := m.messageType.String; {
	case messageType != "Claimed" && messageType != "Transferred":
		o.report(m.damage(BadClaim, fmt.Sprintf("is %q, neither Claimed nor Transferred", messageType)))
		return
	case messageType == "Claimed" && own.owner != "" && own.owner != claim.Owner:
		o.report(m.damage(BadClaim, fmt.Sprintf("claimed by %s, the owner is %s", claim.Owner, own.owner)))
	case messageType == "Transferred" && claim.From != own.owner:
		o.report(m.damage(BadClaim, fmt.Sprintf("transferred from %q, the owner is %q", claim.From, own.owner)))
	}
	own.owner, own.hasMessages = claim.Owner, true
	if claim.Owner == messagestore.Anonymous {
		own.owner = ""
	}
}
