package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"videotutorials/components/identity"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

// grant makes a user an administrator.
type grant struct{ running }

// run finds the user in the log, where an address is reserved, and not in View
// Data, which may be behind it.
func (g *grant) run(ctx context.Context, _ *slog.Logger, args []string) error {
	if len(args) != 1 {
		return &service.UsageError{Reason: "one e-mail address is needed"}
	}
	store, err := g.store()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is left to be lost
	m, err := store.Last(ctx, identity.AddressStream(args[0]), contract.Type((*identityv1.EmailAddressReserved)(nil)))
	if errors.Is(err, messagestore.ErrNotFound) {
		return fmt.Errorf("nobody has registered with %s", args[0])
	}
	if err != nil {
		return err
	}
	reserved, err := contract.Decode[*identityv1.EmailAddressReserved](m)
	if err != nil {
		return err
	}
	trace, err := writeCommand(ctx, store, reserved.GetUserId(), &identityv1.GrantAdmin{UserId: reserved.GetUserId()}, nil)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, grantPatience)
	defer cancel()
	if err := granted(waiting, store, reserved.GetUserId()); err != nil {
		return fmt.Errorf("%s becomes an administrator when the component identity gets to it, trace %s: %w", reserved.GetUserId(), trace, err)
	}
	fmt.Printf("%s is an administrator, trace %s\n", reserved.GetUserId(), trace)
	return nil
}

// grantPatience is how long it waits for the component.
const grantPatience = 10 * time.Second

// granted returns when the log says that the user is an administrator.
func granted(ctx context.Context, store messagestore.Store, user string) error {
	event := (*identityv1.AdminGranted)(nil)
	for e, err := range store.Subscribe(ctx, messagestore.Subscription{
		Source: messagestore.OfStream(contract.Category(event).Stream(user)),
		Filter: messagestore.Filter{Types: []string{contract.Type(event)}},
	}) {
		if err != nil {
			return err
		}
		if messages, ok := e.(messagestore.Messages); ok && len(messages) > 0 {
			return nil
		}
	}
	return ctx.Err()
}
