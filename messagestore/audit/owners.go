package audit

import (
	"encoding/json"
	"fmt"

	"videotutorials/messagestore"
)

// owners folds the claims as the log goes, and so knows of each message who
// owned its stream:
//
//   - of a category the last claim says it; without one, it is who wrote the first
//     message of the category, as the policy's pinned owners do;
//   - a stream of positions is of who wrote its first message;
//   - `ownership` is the store's own;
//   - command categories are open to everybody.
//
// Anonymous owns nothing, and may have written anything but claims: ownership was
// off then.
type owners struct {
	self   messagestore.Principal
	report func(Damage)
	// of has an entry for each category, and for each stream of positions.
	of map[string]*owned
}

// An owned is what has an owner.
type owned struct {
	owner messagestore.Principal // "": nobody
	begun bool                   // it has messages
	// The messages by one foreign writer, with no other between.
	first    *Damage
	stranger messagestore.Principal
	more     int64
	last     int64 // global position
}

func newOwners(self messagestore.Principal, report func(Damage)) *owners {
	return &owners{self: self, report: report, of: map[string]*owned{}}
}

// pass looks at the next message in global order.
func (o *owners) pass(m *row) {
	stream, writer := messagestore.Stream(m.stream.String), messagestore.Principal(m.writer.String)
	category := stream.Category()
	if category == "" || writer == "" || category.IsCommand() {
		return // damage of another kind, or open to everybody
	}
	switch category {
	case messagestore.OwnershipCategory:
		own := o.get(string(category))
		own.owner = o.self
		if o.check(own, m, writer) {
			o.claim(m, messagestore.Category(stream.ID()))
		}
	case messagestore.PositionCategory:
		if writer != messagestore.Anonymous {
			own := o.get(string(stream))
			if own.owner == "" {
				own.owner = writer
			}
			o.check(own, m, writer)
		}
	default:
		own := o.get(string(category))
		if writer != messagestore.Anonymous {
			if own.owner == "" && !own.begun {
				own.owner = writer
			}
			o.check(own, m, writer)
		}
		own.begun = true
	}
}

func (o *owners) get(name string) *owned {
	own, ok := o.of[name]
	if !ok {
		own = &owned{}
		o.of[name] = own
	}
	return own
}

// check reports whether the writer is the owner.
func (o *owners) check(own *owned, m *row, writer messagestore.Principal) bool {
	if writer == own.owner {
		o.flush(own)
		return true
	}
	if own.first != nil && own.stranger == writer {
		own.more++
		own.last = m.globalPosition.Int64
		return false
	}
	o.flush(own)
	detail := fmt.Sprintf("written by %s, the owner is %s", writer, own.owner)
	if own.owner == "" {
		detail = fmt.Sprintf("written by %s without a claim", writer)
	}
	first := m.damage(NotOwner, detail)
	own.first, own.stranger = &first, writer
	return false
}

// flush reports the messages of a foreign writer as one.
func (o *owners) flush(own *owned) {
	if own.first == nil {
		return
	}
	if own.more > 0 {
		own.first.Detail += fmt.Sprintf(", and %d more up to global position %d", own.more, own.last)
	}
	o.report(*own.first)
	own.first, own.stranger, own.more, own.last = nil, "", 0, 0
}

// end reports what is held back.
func (o *owners) end() {
	for _, own := range o.of {
		o.flush(own)
	}
}

// claim changes the owner of the category as the message says. One that does not
// fit is reported, and then holds all the same: the servers believed it.
func (o *owners) claim(m *row, category messagestore.Category) {
	if category.IsCommand() || category == messagestore.PositionCategory || category == messagestore.OwnershipCategory {
		return // claims change nothing there
	}
	var claim struct{ Owner, From messagestore.Principal }
	if m.badData.Valid {
		return // reported already
	}
	if err := json.Unmarshal([]byte(m.claim.String), &claim); err != nil || claim.Owner == "" {
		o.report(m.damage(BadClaim, "names no owner"))
		return
	}
	own := o.get(string(category))
	o.flush(own)
	before := own.owner
	switch kind := m.kind.String; {
	case kind != "Claimed" && kind != "Transferred":
		o.report(m.damage(BadClaim, fmt.Sprintf("is %q, neither Claimed nor Transferred", kind)))
		return
	case kind == "Claimed" && before != "" && before != claim.Owner:
		o.report(m.damage(BadClaim, fmt.Sprintf("claimed by %s, the owner is %s", claim.Owner, before)))
	case kind == "Transferred" && claim.From != before:
		o.report(m.damage(BadClaim, fmt.Sprintf("transferred from %q, the owner is %q", claim.From, before)))
	}
	own.owner, own.begun = claim.Owner, true
	if claim.Owner == messagestore.Anonymous {
		own.owner = ""
	}
}
