package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"videotutorials/internal/service"
	identityv1 "videotutorials/proto/identity/v1"
)

const (
	// populatePassword is the password of all whom populate registers.
	populatePassword = "correct horse battery staple"
	// sayEvery is how often it says how far it is, in users.
	sayEvery = 100
)

// populate registers users, as the application would.
type populate struct {
	running
	Users int `name:"users" default:"15" help:"how many users are registered"`
	Seed  int `name:"seed" default:"1" help:"the same seed makes the same users: who is registered already is left alone"`
}

func (p *populate) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if p.Users < 1 {
		return &service.UsageError{Reason: fmt.Sprintf("users is %d, at least 1 is allowed", p.Users)}
	}
	store, err := p.store()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is left to be lost
	// One hash for all: what takes time is not what is to be seen.
	hash, err := bcrypt.GenerateFromPassword([]byte(populatePassword), 10)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(p.Seed), 0)) //nolint:gosec // to be repeated
	for n := range p.Users {
		user := randomUUID(random)
		command := &identityv1.Register{UserId: user, Email: fmt.Sprintf("user-%d-%d@example.com", p.Seed, n+1), PasswordHash: string(hash)}
		if _, err := writeCommand(ctx, store, user, command, &user); err != nil {
			return fmt.Errorf("register user %d of %d: %w", n+1, p.Users, err)
		}
		if (n+1)%sayEvery == 0 || n+1 == p.Users {
			log.Info("registering", "users", n+1, "of", p.Users)
		}
	}
	fmt.Printf("%d users: user-%d-1@example.com and so on, password %q\n", p.Users, p.Seed, populatePassword)
	return nil
}

// randomUUID returns a UUID that the seed decides.
func randomUUID(random *rand.Rand) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], random.Uint64())
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
