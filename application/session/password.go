package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"videotutorials/application/call"
	"videotutorials/internal/limit"
	"videotutorials/messagestore"
)

const (
	// PasswordCost is the default cost of bcrypt: a hash takes about 60 ms of a core.
	PasswordCost = 10
	// minPassword is in characters, maxPassword in bytes: bcrypt ignores the rest.
	minPassword = 8
	maxPassword = 72
	// waitingPerCore and passwordWait bound the calls that wait for a hash. The wait
	// ends before call.Timeout, so that its caller learns that nothing was done.
	waitingPerCore = 128
	passwordWait   = call.Timeout - 2*time.Second
)

// CheckPassword returns what is wrong with a new password, "" if it is valid.
func CheckPassword(password string) string {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Sprintf("is too short, at least %d characters are required", minPassword)
	case len(password) > maxPassword:
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(password), maxPassword)
	}
	return ""
}

// Passwords hashes and compares passwords, as many at the same time as there are
// cores. Its methods return a *messagestore.ExhaustedError if too many calls wait or
// one has waited too long, or the context's error.
type Passwords struct {
	cost int
	// unknown is the hash of a random password. A log-in with an unknown address is
	// compared with it, and so takes as long as one with a known address.
	unknown string
	// compare is bcrypt's. Tests record its calls.
	compare func(hash, password []byte) error
	cores   limit.Semaphore
}

// NewPasswords returns Passwords with the cost of bcrypt. Stored hashes have their
// own cost.
func NewPasswords(cost int) (*Passwords, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	cores := runtime.GOMAXPROCS(0)
	return &Passwords{
		cost: cost, unknown: string(hash), compare: bcrypt.CompareHashAndPassword,
		cores: limit.Semaphore{Total: cores, MaxWaiting: waitingPerCore * cores},
	}, nil
}

// Hash returns a hash of the password, with a new salt.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.acquire(ctx); err != nil {
		return "", err
	}
	defer p.cores.Release("")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return string(hash), nil
}

// Match reports whether the hash is one of the password.
func (p *Passwords) Match(ctx context.Context, hash, password string) (bool, error) {
	if len(password) > maxPassword {
		hash = p.unknown // bcrypt would compare the beginning
	}
	if err := p.acquire(ctx); err != nil {
		return false, err
	}
	defer p.cores.Release("")
	err := p.compare([]byte(hash), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return true, nil
}

func (p *Passwords) acquire(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, passwordWait)
	defer cancel()
	if err := p.cores.Acquire(waiting, ""); err == nil || ctx.Err() != nil {
		return err
	}
	return &messagestore.ExhaustedError{RetryAfter: time.Second, Reason: "too many passwords are being checked"}
}
