package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// The limits of a request. A call is below gRPC's default limit.
const (
	maxMessageBytes = 1 << 20
	maxCallBytes    = 4 << 20
	maxCallMessages = 1000
	maxCallWrites   = 1000
	maxCategories   = 1000
	maxTypes        = 1000
	// writeBytes is the size of a write or a message in memory besides its texts.
	writeBytes = 64
)

// violations collects the violations of a request.
type violations []messagestore.Violation

func (v *violations) add(field, format string, a ...any) {
	*v = append(*v, messagestore.Violation{Field: field, Description: fmt.Sprintf(format, a...)})
}

// check adds err, unless it is nil, as a violation of the field.
func (v *violations) check(field string, err error) {
	if err != nil {
		v.add(field, "%v", err)
	}
}

// err returns an *InvalidError, or nil if there are no violations.
func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return &messagestore.InvalidError{Violations: v}
}

func invalid(field string, err error) error {
	return violations{{Field: field, Description: err.Error()}}.err()
}

// writes checks the writes of a call and returns them as a unit. path returns the
// prefix of the fields of the nth write.
func (v *violations) writes(writes []messagestore.Write, path func(int) string) *unit {
	u := &unit{writes: slices.Clone(writes)} // the caller may change them before the unit is stored
	seen := map[uuid.UUID]bool{}
	texts := 0
	for w := range writes {
		write := &writes[w]
		at := path(w)
		u.bytes += writeBytes + len(write.Stream)
		v.check(at+"stream_name", write.Stream.Check())
		if write.Expected < messagestore.Exists {
			// The server passes on a negative number in this form.
			v.add(at+"expected_version.exactly", "%d is negative, 0 or more is allowed", write.Expected-messagestore.Exists)
		}
		for m := range write.Messages {
			checked := v.message(&write.Messages[m], fmt.Sprintf("%smessages[%d].", at, m), seen)
			u.messages = append(u.messages, checked)
			u.bytes += checked.bytes
			texts += len(checked.data) + len(checked.metadata)
		}
	}
	if len(u.messages) > maxCallMessages {
		v.add(path(0)+"messages", "%d messages in a call, at most %d are allowed", len(u.messages), maxCallMessages)
	}
	if texts > maxCallBytes {
		v.add(path(0)+"messages", "%d bytes in a call, at most %d are allowed", texts, maxCallBytes)
	}
	return u
}

// message checks one message. seen has the ids of the call so far.
func (v *violations) message(m *messagestore.NewMessage, at string, seen map[uuid.UUID]bool) message {
	id, err := parseUUID(m.ID)
	v.check(at+"id", err)
	if err == nil && seen[id] {
		v.add(at+"id", "%s is repeated in the call", m.ID)
	}
	seen[id] = true
	v.check(at+"type", messagestore.CheckType(m.Type))

	metadata := m.Metadata
	if metadata == "" {
		metadata = "{}"
	}
	size := 0
	for _, part := range []struct{ name, text string }{{"data", m.Data}, {"metadata", metadata}} {
		switch {
		case part.text == "":
			v.add(at+part.name, "is required, a JSON object")
		case len(part.text) > maxCallBytes:
			v.add(at+part.name, "%d bytes, at most %d are allowed", len(part.text), maxMessageBytes)
		default:
			n, err := jsonSize(part.text)
			v.check(at+part.name, err)
			size += n
		}
	}
	if size > maxMessageBytes {
		v.add(at+"data", "with metadata %d bytes as Postgres prints it, at most %d are allowed", size, maxMessageBytes)
	}
	// White space is not printed but takes memory.
	held := max(size, len(m.Data)+len(metadata)) + len(m.Type) + writeBytes
	return message{id: id, kind: m.Type, data: m.Data, metadata: metadata, bytes: held}
}

// source checks the source and the filter of a read or a subscription. It removes
// repeated categories, and sets an empty list of types to nil.
func (v *violations) source(s *messagestore.Source, f *messagestore.Filter) {
	named := 0
	for _, given := range []bool{s.All, s.IsStream(), len(s.Categories) > 0} {
		if given {
			named++
		}
	}
	if s.IsStream() {
		v.check("stream_name", s.Stream.Check())
		if f.Group != nil || f.Origin != "" || f.Correlation != "" {
			v.add("filter", "of the filters only types applies to a single stream")
		}
	}
	if named != 1 {
		v.add("source", "is required: one of stream_name, categories (at least one name), all")
	}
	if len(s.Categories) > maxCategories {
		v.add("categories.names", "%d names, at most %d are allowed", len(s.Categories), maxCategories)
	}
	for i, c := range s.Categories {
		v.check(fmt.Sprintf("categories.names[%d]", i), c.Check())
	}
	s.Categories = slices.Compact(slices.Sorted(slices.Values(s.Categories)))
	if len(f.Types) == 0 {
		f.Types = nil
	}
	if len(f.Types) > maxTypes {
		v.add("filter.types", "%d types, at most %d are allowed", len(f.Types), maxTypes)
	}
	for i, t := range f.Types {
		v.check(fmt.Sprintf("filter.types[%d]", i), messagestore.CheckType(t))
	}
	if g := f.Group; g != nil {
		if g.Size < 1 {
			v.add("filter.consumer_group.size", "%d, at least 1 is allowed", g.Size)
		} else if g.Member < 0 || g.Member >= g.Size {
			v.add("filter.consumer_group.member", "%d, 0 to %d is allowed", g.Member, g.Size-1)
		}
	}
	if f.Origin != "" {
		v.check("filter.origin_category", f.Origin.Check())
	}
	if f.Correlation != "" {
		v.check("filter.correlation_category", f.Correlation.Check())
	}
}

func (v *violations) position(field string, position int64) {
	if position < 0 {
		v.add(field, "%d is negative, 0 or more is allowed", position)
	}
}

// after checks the place after which a subscription resumes. It may be the place
// before the first message.
func (v *violations) after(s messagestore.Source, place messagestore.Place) {
	origin := messagestore.Place{}
	if s.IsStream() {
		origin.Position = -1
	}
	if place == origin {
		return
	}
	v.position("after[0].position", place.Position)
	_, err := parseUUID(place.ID)
	v.check("after[0].message_id", err)
}

// parseUUID is contract.ParseUUID with an error for people.
func parseUUID(s string) (uuid.UUID, error) {
	id, ok := contract.ParseUUID(s)
	switch {
	case s == "":
		return id, errors.New("is required, a UUID")
	case !ok:
		return id, fmt.Errorf("%.64q is not a UUID like 5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", s)
	}
	return id, nil
}
