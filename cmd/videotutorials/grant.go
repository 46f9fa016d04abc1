package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

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
	folder, s, err := g.find()
	if err != nil {
		return err
	}
	store, err := s.store(folder, "operator")
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
	user, trace := reserved.GetUserId(), uuid.NewString()
	command := &identityv1.GrantAdmin{UserId: user}
	data, err := contract.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := store.Write(ctx, contract.Category(command).Stream(user), messagestore.Any, messagestore.NewMessage{
		ID: contract.NewID(), Type: contract.Type(command), Data: data, Metadata: contract.Metadata{TraceID: trace}.String(),
	}); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, grantTimeout)
	defer cancel()
	event := (*identityv1.AdminGranted)(nil)
	if !poll(waiting, grantInterval, func() bool {
		_, err := store.Last(waiting, contract.Category(event).Stream(user), contract.Type(event))
		return err == nil
	}) {
		return fmt.Errorf("%s becomes an administrator when the component identity handles the command, trace %s: %w", user, trace, waiting.Err())
	}
	fmt.Printf("%s is an administrator, trace %s\n", user, trace)
	return nil
}

const (
	// grantTimeout bounds the wait for the component.
	grantTimeout = 10 * time.Second
	// grantInterval is the time between two polls of the user's stream.
	grantInterval = 50 * time.Millisecond
)
