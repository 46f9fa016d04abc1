package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"videotutorials/components/identity"
	"videotutorials/internal/contract"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
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
	fmt.Printf("%s becomes an administrator, trace %s\n", reserved.GetUserId(), trace)
	return nil
}
