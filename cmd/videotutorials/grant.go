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

// grant is the command that makes a user an administrator.
type grant struct{ running }

// run finds the user by the reservation of the address in the log, since View Data
// may be behind.
func (g *grant) run(ctx context.Context, _ *slog.Logger, args []string) error {
	if len(args) != 1 {
		return &service.UsageError{Reason: "one e-mail address is required"}
	}
	store, err := g.store()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is lost
	m, err := store.Last(ctx, identity.AddressStream(args[0]), contract.Type((*identityv1.EmailAddressReserved)(nil)))
	if errors.Is(err, messagestore.ErrNotFound) {
		return fmt.Errorf("no user has registered with %s", args[0])
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
	waiting, cancel := context.WithTimeout(ctx, grantTimeout)
	defer cancel()
	if err := granted(waiting, store, reserved.GetUserId()); err != nil {
		return fmt.Errorf("%s becomes an administrator when the component identity handles the command, trace %s: %w", reserved.GetUserId(), trace, err)
	}
	fmt.Printf("%s is an administrator, trace %s\n", reserved.GetUserId(), trace)
	return nil
}

// grantTimeout bounds the wait for the component.
const grantTimeout = 10 * time.Second

// granted returns when the log has the event AdminGranted of the user.
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
