package messagestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// OwnershipCategory holds the claims: a stream for each category that is
	// owned, with the messages Claimed and Transferred, written by the store.
	OwnershipCategory Category = "ownership"
	// PositionCategory holds consumers' positions. Each of its streams has an
	// owner of its own: who wrote its first message.
	PositionCategory Category = "subscriberPosition"
	// everything is the name of all categories together in a policy's readers.
	everything = "$all"
)

// IsCommand reports whether c holds commands, as `identity:command` does: every
// principal may append to it.
func (c Category) IsCommand() bool { return strings.HasSuffix(string(c), ":command") }

// A Policy says to whom categories are pinned, and who may read what. What it
// does not mention is free: a category belongs to the principal that first
// appends to it, and everybody may read it.
type Policy struct {
	// Owners are the principals that alone may append to a category.
	Owners map[Category]Principal `json:"owners,omitempty"`
	// Readers are the principals that may read a category. Those of `$all` may
	// read everything. Without `$all`, everything may be read by whoever may read
	// each category.
	Readers map[Category][]Principal `json:"readers,omitempty"`
	// Operators may read everything and transfer ownership.
	Operators []Principal `json:"operators,omitempty"`
}

// ParsePolicy reads a policy from JSON, an object with the keys of Policy. Its
// error says all that is wrong.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &Policy{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("policy: more than one JSON object")
	}
	return p, p.check()
}

func (p *Policy) check() error {
	var wrong []error
	add := func(format string, a ...any) { wrong = append(wrong, fmt.Errorf("policy: "+format, a...)) }
	for _, c := range slices.Sorted(maps.Keys(p.Owners)) {
		switch err := c.Check(); {
		case err != nil:
			add("owners: %w", err)
		case c.IsCommand():
			add("owners: %s is a command category, which every principal may append to", c)
		case c == PositionCategory || c == OwnershipCategory:
			add("owners: %s cannot be pinned", c)
		case p.Owners[c] == "":
			add("owners: %s has no owner", c)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(p.Readers)) {
		if err := c.Check(); err != nil && c != everything {
			add("readers: %w", err)
		}
	}
	return errors.Join(wrong...)
}

// Pinned returns the principal to which the policy pins the category, "" where
// it pins it to nobody.
func (p *Policy) Pinned(c Category) Principal { return p.Owners[c] }

// IsOperator reports whether the principal is an operator.
func (p *Policy) IsOperator(who Principal) bool { return slices.Contains(p.Operators, who) }

// MayReadAll reports whether the principal may read everything.
func (p *Policy) MayReadAll(who Principal) bool {
	if p.IsOperator(who) {
		return true
	}
	if readers, ok := p.Readers[everything]; ok {
		return slices.Contains(readers, who)
	}
	for _, readers := range p.Readers {
		if !slices.Contains(readers, who) {
			return false
		}
	}
	return true
}

// MayRead reports whether the principal may read the category.
func (p *Policy) MayRead(who Principal, c Category) bool {
	readers, restricted := p.Readers[c]
	return !restricted || slices.Contains(readers, who) || p.MayReadAll(who)
}
