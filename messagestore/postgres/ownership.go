package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

// The rules by which append finds an owner.
const (
	kindClaim = "claim" // the owner of the last claim, or else the first writer
	kindFirst = "first" // the first writer
	kindFixed = "fixed" // the principal to which it is pinned
)

// ownership decides which principals may append to a stream, and read it.
type ownership struct {
	// policy returns the current policy. If it is nil or returns nil, ownership is off.
	policy func() *messagestore.Policy
	// self is the writer of the claims.
	self messagestore.Principal
}

// current returns the current policy, or nil if ownership is off.
func (o *ownership) current() *messagestore.Policy {
	if o.policy == nil {
		return nil
	}
	return o.policy()
}

// owned is a category or a stream that has an owner, as append needs it.
type owned struct {
	name, kind string
	pinned     *string
}

// of returns what a writer must own to append to the stream, and false if every
// principal may append.
func (o *ownership) of(policy *messagestore.Policy, stream messagestore.Stream) (owned, bool) {
	category := stream.Category()
	switch {
	case category == messagestore.OwnershipCategory:
		// Also while ownership is off: claims made then would be valid afterwards.
		return owned{string(category), kindFixed, (*string)(&o.self)}, true
	case policy == nil, category.IsCommand():
		return owned{}, false
	case category == messagestore.PositionCategory:
		return owned{name: string(stream), kind: kindFirst}, true
	}
	return owned{string(category), kindClaim, orNull(policy.Pinned(category))}, true
}

// ownerOf returns the owner of a category whose owner in the log is claimant, or ""
// if it has none.
func (o *ownership) ownerOf(policy *messagestore.Policy, category messagestore.Category, claimant messagestore.Principal) messagestore.Principal {
	switch {
	case category == messagestore.OwnershipCategory:
		return o.self
	case category.IsCommand(), category == messagestore.PositionCategory:
		return ""
	case policy != nil && policy.Pinned(category) != "":
		return policy.Pinned(category)
	}
	return claimant
}

// checkReader returns a *messagestore.NotReaderError unless the caller may read the
// source.
func (o *ownership) checkReader(ctx context.Context, source messagestore.Source) error {
	policy := o.current()
	if policy == nil {
		return nil
	}
	principal := messagestore.PrincipalOf(ctx)
	if source.All && !policy.MayReadAll(principal) {
		return &messagestore.NotReaderError{}
	}
	categories := source.Categories
	if source.IsStream() {
		categories = []messagestore.Category{source.Stream.Category()}
	}
	for _, c := range categories {
		if !policy.MayRead(principal, c) {
			return &messagestore.NotReaderError{Category: c}
		}
	}
	return nil
}

// claims returns the stream of the claims of the category.
func claims(c messagestore.Category) messagestore.Stream {
	return messagestore.OwnershipCategory.Stream(string(c))
}

// A claim is the data of Claimed and Transferred.
type claim struct {
	Owner messagestore.Principal `json:"owner"`
	From  messagestore.Principal `json:"from,omitempty"`
}

// TransferOwnership is Store.TransferOwnership.
func (s *Store) TransferOwnership(ctx context.Context, c messagestore.Category, to messagestore.Principal) (messagestore.Principal, error) {
	if err := s.checkTransfer(ctx, c, to); err != nil {
		return "", err
	}
	for {
		owner, version, err := s.ownerInLog(ctx, c)
		if err != nil || owner == to {
			return owner, err
		}
		var conflict *messagestore.VersionConflictError
		if err := s.writeClaim(ctx, c, version, claim{Owner: to, From: owner}); !errors.As(err, &conflict) {
			return owner, err
		}
	}
}

// ownerInLog returns the owner of the category according to the log, and the
// version of its stream of claims.
func (s *Store) ownerInLog(ctx context.Context, c messagestore.Category) (messagestore.Principal, messagestore.Version, error) {
	last, err := s.one(ctx, ofLast, claims(c))
	if err == nil {
		var data claim
		if err := json.Unmarshal([]byte(last.Data), &data); err != nil {
			return "", 0, fmt.Errorf("claim %s at %d: %w", last.ID, last.GlobalPosition, err)
		}
		return data.Owner, messagestore.Version(last.Position), nil
	}
	if !errors.Is(err, messagestore.ErrNotFound) {
		return "", 0, err
	}
	first, err := s.one(ctx, "where split_part(stream_name, '-', 1) = $1 order by global_position limit 1", c)
	if errors.Is(err, messagestore.ErrNotFound) || first.Writer == messagestore.Anonymous {
		return "", messagestore.None, nil
	}
	return first.Writer, messagestore.None, err
}

// checkTransfer checks the request, and that the caller is an operator.
func (s *Store) checkTransfer(ctx context.Context, c messagestore.Category, to messagestore.Principal) error {
	policy := s.ownership.current()
	var v violations
	v.check("category", c.Check())
	v.check("owner", messagestore.CheckType(string(to))) // has the grammar of a type
	switch pinned := s.ownership.ownerOf(policy, c, ""); {
	case policy == nil:
		v.add("category", "ownership is off: this server runs without TLS")
	case pinned != "" && pinned != to:
		v.add("category", "%s is pinned to %s by the server's policy and cannot be transferred", c, pinned)
	case c.IsCommand(), c == messagestore.PositionCategory:
		v.add("category", "%s cannot be owned", c)
	}
	if err := v.err(); err != nil {
		return err
	}
	if !policy.IsOperator(messagestore.PrincipalOf(ctx)) {
		return &messagestore.NotOperatorError{}
	}
	return nil
}

// writeClaim writes the claim as the store's own principal.
func (s *Store) writeClaim(ctx context.Context, c messagestore.Category, expected messagestore.Version, data claim) error {
	kind := "Transferred"
	if data.From == "" {
		kind = "Claimed"
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(map[string]messagestore.Principal{"transferredBy": messagestore.PrincipalOf(ctx)})
	if err != nil {
		return err
	}
	message := messagestore.NewMessage{ID: uuid.NewString(), Type: kind, Data: string(text), Metadata: string(metadata)}
	_, err = s.Write(messagestore.WithPrincipal(ctx, s.ownership.self), claims(c), expected, message)
	return err
}

// isClaim reports whether the unit changes an owner. It must then be a group alone,
// since append looks up owners once per group.
func (u *unit) isClaim() bool {
	for i := range u.writes {
		if u.writes[i].Stream.Category() == messagestore.OwnershipCategory {
			return true
		}
	}
	return false
}
