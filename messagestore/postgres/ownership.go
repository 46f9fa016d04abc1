package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	random "github.com/google/uuid"

	"videotutorials/messagestore"
)

// How append finds out whose something is.
const (
	kindClaim = "claim" // the last message of its stream of claims says it, or its first message
	kindFirst = "first" // who wrote its first message
	kindFixed = "fixed" // to whom it is pinned
)

// An ownership says who may append to what, and who may read it.
type ownership struct {
	// policy returns the policy that holds now; nil: ownership is off.
	policy func() *messagestore.Policy
	// self writes the claims.
	self messagestore.Principal
}

// now returns the policy that holds now, nil where ownership is off.
func (o *ownership) now() *messagestore.Policy {
	if o.policy == nil {
		return nil
	}
	return o.policy()
}

// An owned is something that has an owner, as append wants it.
type owned struct {
	name, kind string
	pinned     *string
}

// of returns what must be the writer's for messages to be appended to the
// stream, and false where that is open to everybody.
func (o *ownership) of(policy *messagestore.Policy, stream messagestore.Stream) (owned, bool) {
	category := stream.Category()
	switch {
	case category == messagestore.OwnershipCategory:
		// Always: what is claimed while ownership is off would hold afterwards.
		return owned{string(category), kindFixed, (*string)(&o.self)}, true
	case policy == nil, category.IsCommand():
		return owned{}, false
	case category == messagestore.PositionCategory:
		return owned{name: string(stream), kind: kindFirst}, true
	}
	claim := owned{name: string(category), kind: kindClaim}
	if pinned := policy.Pinned(category); pinned != "" {
		claim.pinned = (*string)(&pinned)
	}
	return claim, true
}

// ownerNow returns the owner of a category of which the log says that it is the
// claimant's; "" where nobody alone owns it.
func (o *ownership) ownerNow(policy *messagestore.Policy, category messagestore.Category, claimant messagestore.Principal) messagestore.Principal {
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

// mayRead returns a *messagestore.NotReaderError unless the caller may read the
// source.
func (o *ownership) mayRead(ctx context.Context, source messagestore.Source) error {
	policy := o.now()
	if policy == nil {
		return nil
	}
	who := messagestore.PrincipalOf(ctx)
	if source.All && !policy.MayReadAll(who) {
		return &messagestore.NotReaderError{}
	}
	categories := source.Categories
	if source.IsStream() {
		categories = []messagestore.Category{source.Stream.Category()}
	}
	for _, c := range categories {
		if !policy.MayRead(who, c) {
			return &messagestore.NotReaderError{Category: c}
		}
	}
	return nil
}

// claims is the stream that says whose the category is.
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
		now, version, err := s.ownerOf(ctx, c)
		if err != nil || now == to {
			return now, err
		}
		var conflict *messagestore.VersionConflictError
		if err := s.writeClaim(ctx, c, version, claim{Owner: to, From: now}); !errors.As(err, &conflict) {
			return now, err
		}
	}
}

// ownerOf returns whose the category is, as the log says, and the version of its
// stream of claims.
func (s *Store) ownerOf(ctx context.Context, c messagestore.Category) (messagestore.Principal, messagestore.Version, error) {
	last, err := s.one(ctx, "where stream_name = $1 order by position desc limit 1", claims(c))
	if err == nil {
		var now claim
		if err := json.Unmarshal([]byte(last.Data), &now); err != nil {
			return "", 0, fmt.Errorf("claim %s at %d: %w", last.ID, last.GlobalPosition, err)
		}
		return now.Owner, messagestore.Version(last.Position), nil
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

// checkTransfer checks the request, and who makes it.
func (s *Store) checkTransfer(ctx context.Context, c messagestore.Category, to messagestore.Principal) error {
	policy := s.ownership.now()
	var v violations
	v.check("category", c.Check())
	v.check("owner", messagestore.CheckType(string(to))) // a text like a type
	switch pinned := s.ownership.ownerNow(policy, c, ""); {
	case policy == nil:
		v.add("category", "ownership is off: this server runs without TLS")
	case pinned != "" && pinned != to:
		v.add("category", "%s is pinned to %s by the server, and no transfer can change that", c, pinned)
	case c.IsCommand(), c == messagestore.PositionCategory:
		v.add("category", "%s is nobody's alone", c)
	}
	if err := v.err(); err != nil {
		return err
	}
	if !policy.IsOperator(messagestore.PrincipalOf(ctx)) {
		return &messagestore.NotOperatorError{}
	}
	return nil
}

// writeClaim writes the claim as the store itself.
func (s *Store) writeClaim(ctx context.Context, c messagestore.Category, expected messagestore.Version, data claim) error {
	kind := "Transferred"
	if data.From == "" {
		kind = "Claimed"
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	by, err := json.Marshal(map[string]messagestore.Principal{"transferredBy": messagestore.PrincipalOf(ctx)})
	if err != nil {
		return err
	}
	message := messagestore.NewMessage{ID: random.NewString(), Type: kind, Data: string(text), Metadata: string(by)}
	_, err = s.Write(messagestore.WithPrincipal(ctx, s.ownership.self), claims(c), expected, message)
	return err
}

// isClaim reports whether the unit changes an owner: then it is a group alone,
// since append looks owners up once a group.
func (u *unit) isClaim() bool {
	for i := range u.writes {
		if u.writes[i].Stream.Category() == messagestore.OwnershipCategory {
			return true
		}
	}
	return false
}
