package application

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"videotutorials/messagestore"
)

const (
	// passwordCost makes a hash take about 60 ms of a core.
	passwordCost = 10
	// minPassword is in characters, maxPassword in bytes: bcrypt sees no more.
	minPassword = 8
	maxPassword = 72
	// waitingPerCore and passwordWait bound how many wait for a hash, and how
	// long: within callTimeout, so that they hear that nothing was done.
	waitingPerCore = 128
	passwordWait   = callTimeout - 2*time.Second
)

// checkPassword says what is wrong with a new password, "" if nothing is.
func checkPassword(password string) string {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Sprintf("is too short, at least %d characters are required", minPassword)
	case len(password) > maxPassword:
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(password), maxPassword)
	}
	return ""
}

// passwords hashes and compares, as many at a time as there are cores. It
// returns an *ExhaustedError where too many wait already or one has waited too
// long, and the context's error.
type passwords struct {
	cost int
	// nobodys is the hash of a password that nobody has. Who logs in with an
	// unknown address is compared with it, and so waits as long as all the others.
	nobodys string
	// compare is bcrypt's. Tests look at what is compared.
	compare func(hash, password []byte) error
	slots   chan struct{}
	waiting atomic.Int64
}

func newPasswords(cost int) (*passwords, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return &passwords{
		cost: cost, nobodys: string(hash), compare: bcrypt.CompareHashAndPassword,
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}, nil
}

// hash returns the password's hash, which is another one each time.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return string(hash), nil
}

// match reports whether the hash is one of the password.
func (p *passwords) match(ctx context.Context, hash, password string) (bool, error) {
	if len(password) > maxPassword {
		hash = p.nobodys // bcrypt would compare the beginning
	}
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave()
	err := p.compare([]byte(hash), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return true, nil
}

func (p *passwords) enter(ctx context.Context) error {
	tooMany := &messagestore.ExhaustedError{RetryAfter: time.Second, Reason: "too many passwords are being checked"}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > int64(waitingPerCore*cap(p.slots)) {
		return tooMany
	}
	patience := time.NewTimer(passwordWait)
	defer patience.Stop()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-patience.C:
		return tooMany
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *passwords) leave() { <-p.slots }
