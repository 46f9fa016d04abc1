package messagestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Principal is the authenticated caller: the SPIFFE ID of its certificate, such
// as `spiffe://videotutorials/application`.
type Principal string

// Anonymous is the principal of every caller while TLS is off.
const Anonymous Principal = "anonymous"

type principalKey struct{}

// WithPrincipal returns a context with the principal.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf returns the principal of the context. Defaults to Anonymous.
func PrincipalOf(ctx context.Context) Principal {
	if p, ok := ctx.Value(principalKey{}).(Principal); ok {
		return p
	}
	return Anonymous
}

const (
	// OwnershipCategory records owners: it has a stream for each owned category,
	// with the messages Claimed and Transferred, written by the store.
	OwnershipCategory Category = "ownership"
	// PositionCategory has the positions of consumers. Each of its streams is owned
	// by the principal that wrote its first message.
	PositionCategory Category = "subscriberPosition"
	// everything stands for all categories in the readers of a policy.
	everything = "$all"
)

// IsCommand reports whether c is a command category, such as `identity:command`,
// to which every principal may append.
func (c Category) IsCommand() bool { return strings.HasSuffix(string(c), ":command") }

// A Policy assigns owners and readers to categories. A category without an owner
// in the policy belongs to the first principal that appends to it. A category
// without readers may be read by every principal.
type Policy struct {
	// Owners maps a category to the only principal that may append to it.
	Owners map[Category]Principal `json:"owners,omitempty"`
	// Readers maps a category to the principals that may read it. The key `$all`
	// lists those that may read everything; without it, a principal that may read
	// each category may read everything.
	Readers map[Category][]Principal `json:"readers,omitempty"`
	// Operators may read everything and transfer ownership.
	Operators []Principal `json:"operators,omitempty"`
}

// ParsePolicy parses a JSON object with the keys of Policy. Its error lists
// everything that is wrong.
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
	var errs []error
	add := func(format string, a ...any) { errs = append(errs, fmt.Errorf("policy: "+format, a...)) }
	for _, c := range slices.Sorted(maps.Keys(p.Owners)) {
		switch err := c.Check(); {
		case err != nil:
			add("owners: %w", err)
		case c.IsCommand():
			add("owners: %s is a command category, to which every principal may append", c)
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
	return errors.Join(errs...)
}

// Pinned returns the owner that the policy gives the category, or "".
func (p *Policy) Pinned(c Category) Principal { return p.Owners[c] }

// IsOperator reports whether the principal is an operator.
func (p *Policy) IsOperator(principal Principal) bool { return slices.Contains(p.Operators, principal) }

// MayReadAll reports whether the principal may read everything.
func (p *Policy) MayReadAll(principal Principal) bool {
	if p.IsOperator(principal) {
		return true
	}
	if readers, ok := p.Readers[everything]; ok {
		return slices.Contains(readers, principal)
	}
	for _, readers := range p.Readers {
		if !slices.Contains(readers, principal) {
			return false
		}
	}
	return true
}

// MayRead reports whether the principal may read the category.
func (p *Policy) MayRead(principal Principal, c Category) bool {
	readers, restricted := p.Readers[c]
	return !restricted || slices.Contains(readers, principal) || p.MayReadAll(principal)
}
